import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { firstLevels } from '../../lambdas/storage/retained-levels';
import { DynamoRetainedStore } from '../../lambdas/storage/retained-store';
import { itExhaustive } from '../support/exhaustive';
import { Engine, type Gate, open } from './support/engine';
import { dyingAfter, everyInterleaving, untilDone } from './support/interleaving';
import { message } from './support/messages';
import { retain, retained, unretain } from './support/retained';

describe('a first level of retained messages', () => {
  let engine: Engine;

  beforeAll(async () => {
    engine = await Engine.start();
  });

  afterAll(() => engine.stop());

  function storeThrough(gate: Gate = open) {
    return new DynamoRetainedStore(
      engine.client((request) => gate(request)),
      engine.table('retained'),
    );
  }

  async function listed(): Promise<string[]> {
    const { Items = [] } = await engine.client().send(new ScanCommand({ TableName: engine.table('retained') }));
    return Items.filter(({ bucket }) => bucket?.S === firstLevels).map(({ name }) => name?.S ?? '');
  }

  async function rows(): Promise<number> {
    const { Items = [] } = await engine.client().send(new ScanCommand({ TableName: engine.table('retained') }));
    return Items.length;
  }

  it('is listed with its first message and removed with its last, and nothing else is left', async () => {
    const store = storeThrough();
    await retain(store, message('alone/a'));
    await retain(store, message('alone/b'));
    await unretain(store, 'alone/b');
    expect(await listed()).toEqual(['alone']);
    await unretain(store, 'alone/a');

    expect(await rows()).toBe(0);
  });

  it('that another container has cached as listed is listed again with the next message', async () => {
    const [one, other] = [storeThrough(), storeThrough()];
    await retain(one, message('remembered/a'));
    await unretain(other, 'remembered/a');
    expect(await listed()).toEqual([]);
    await retain(one, message('remembered/b'));

    expect(await retained(other, '#')).toEqual([message('remembered/b')]);
    await unretain(one, 'remembered/b');
  });

  itExhaustive('is kept when a message is stored while its last one is removed, in every order', async () => {
    const left = new Set();
    const rounds = await everyInterleaving(async (race, round) => {
      const name = `race-${round}`;
      let gate = open;
      const writer = storeThrough((request) => gate(request));
      await retain(writer, message(`${name}/a`)); // this container caches the level as listed
      await race(
        (next) => {
          gate = next;
          return retain(writer, message(`${name}/z`, 'new'));
        },
        (next) => unretain(storeThrough(next), `${name}/a`),
      );
      const found = (await retained(storeThrough(), '#')).map(({ topic }) => topic);
      left.add(JSON.stringify({ found: found.includes(`${name}/z`), listed: (await listed()).includes(name) }));
      gate = open;
      await unretain(writer, `${name}/z`);
      left.add(`${(await listed()).includes(name)}`);
    });

    expect(rounds).toBeGreaterThan(50);
    expect(left).toEqual(new Set(['{"found":true,"listed":true}', 'false']));
  });

  itExhaustive.each([0, 1, 2, 3, 4])(
    'is kept when the writer dies before request %i and repeats itself',
    async (step) => {
      await everyInterleaving(async (race, round) => {
        const name = `dies-${step}-${round}`;
        let gate = open;
        const writer = storeThrough((request) => gate(request));
        await retain(writer, message(`${name}/a`));
        const put = (attempted: boolean, through: Gate) => {
          gate = through;
          return retain(writer, message(`${name}/z`), { attempted });
        };
        await race(
          (next) =>
            untilDone(
              () => put(false, dyingAfter(step, next)),
              () => put(true, next),
            ),
          (next) => unretain(storeThrough(next), `${name}/a`),
        );
        expect((await retained(storeThrough(), '#')).map(({ topic }) => topic)).toContain(`${name}/z`);
        gate = open;
        await unretain(writer, `${name}/z`);
        expect(await listed()).not.toContain(name);
      });
    },
  );

  it('that was left without a message is removed by the next reader', async () => {
    const store = storeThrough();
    await retain(store, message('left/a'));
    const { write } = await store.begin('left/a');
    await store.remove(write); // and dies
    expect(await listed()).toEqual(['left']);

    expect((await store.page('#')).copies).toEqual([]);
    expect(await listed()).toEqual([]);
    await store.endRemoval(write);
    expect(await rows()).toBe(0);
  });
});

describe('a retained message that has expired', () => {
  let engine: Engine;
  let now = 1_700_000_000_000;

  beforeAll(async () => {
    engine = await Engine.start();
  });

  afterAll(() => engine.stop());

  const storeAt = (gate: Gate = open) =>
    new DynamoRetainedStore(
      engine.client((request) => gate(request)),
      engine.table('retained'),
      { limits: { all: 0, perAccount: 10 }, now: () => now },
    );

  async function rows(): Promise<string[]> {
    const { Items = [] } = await engine.client().send(new ScanCommand({ TableName: engine.table('retained') }));
    return Items.map(({ bucket }) => bucket?.S ?? '').sort();
  }

  it('is removed by the next reader, with its pointer and its level', async () => {
    await retain(storeAt(), message('soon/over', 'x', { expiresAt: now + 1000 }), { account: 'user#ann' });
    expect(await rows()).toEqual(['count#user#ann', 'first#soon', 'last#over', 'levels']);
    await storeAt().page('soon/+');
    expect(await rows()).toHaveLength(4);
    now += 1000;
    await storeAt().page('soon/+');

    expect(await rows()).toEqual([]);
  });

  itExhaustive('is not removed when it is replaced meanwhile, in every order of requests', async () => {
    await everyInterleaving(async (race, round) => {
      const topic = `over-${round}/x`;
      let gate = open;
      const writer = storeAt((request) => gate(request));
      await retain(writer, message(`over-${round}/y`)); // it caches the level as listed
      await retain(writer, message(topic, 'old', { expiresAt: now - 1 }));
      await race(
        (next) => storeAt(next).page(topic),
        (next) => {
          gate = next;
          return retain(writer, message(topic, 'new'));
        },
      );

      for (const filter of [topic, '+/x']) {
        expect(await retained(storeAt(), filter)).toEqual([message(topic, 'new')]);
      }
      await unretain(storeAt(), topic);
      await unretain(storeAt(), `over-${round}/y`);
    });
  });
});

describe('pages of retained messages', () => {
  let engine: Engine;
  let store: DynamoRetainedStore;

  beforeAll(async () => {
    engine = await Engine.start();
    store = new DynamoRetainedStore(engine.client(), engine.table('retained'));
    for (let count = 0; count < 70; count++) await retain(store, message(`level-${count}/x`, 'x'.repeat(10)));
    for (let count = 0; count < 60; count++) await retain(store, message(`deep/${count}/x`, 'x'.repeat(10)));
    for (let count = 0; count < 30; count++) await retain(store, message(`large/${count}`, 'x'.repeat(90_000)));
  }, 60_000);

  afterAll(() => engine.stop());

  async function pagesOf(filter: string) {
    const sizes: number[] = [];
    const topics: string[] = [];
    for (let cursor: string | undefined, first = true; first || cursor !== undefined; first = false) {
      const page = await store.page(filter, cursor);
      sizes.push(page.copies.reduce((sum, { message: { payload } }) => sum + payload.length, 0));
      topics.push(...page.copies.map(({ message: { topic } }) => topic));
      expect(new Set((await page.current()).keys())).toEqual(new Set(page.copies.map((copy) => copy.message.topic)));
      cursor = page.next;
    }
    return { sizes, topics };
  }

  it.each([
    ['#', 160],
    ['+/x', 70],
    ['+/+', 100],
    ['deep/+/x', 60],
    ['deep/#', 60],
    ['large/+', 30],
    ['+/#', 160],
  ])('of %s have each of %i messages once', async (filter, count) => {
    const { topics } = await pagesOf(filter);

    expect(topics).toHaveLength(count);
    expect(new Set(topics).size).toBe(count);
  });

  it.each(['#', 'large/+', 'large/#', '+/+'])('of %s hold about a megabyte at most', async (filter) => {
    const { sizes } = await pagesOf(filter);

    expect(sizes.length).toBeGreaterThan(1);
    expect(Math.max(...sizes)).toBeLessThan(2_000_000);
  });
});
