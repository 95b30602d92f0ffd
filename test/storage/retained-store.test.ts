import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RetainedStore } from '../../lambdas/broker/ports/retained-store';
import { matches } from '../../lambdas/protocol/topic-filter';
import { DynamoRetainedStore } from '../../lambdas/storage/retained-store';
import { describeExhaustive, randomCases } from '../support/exhaustive';
import { Random } from '../support/random';
import { Engine, type Gate, open } from './support/engine';
import { dyingAfter, everyInterleaving, inOrder, untilDone } from './support/interleaving';
import { emptyMessage, everyByte, fullMessage, longest, message, singleProperties } from './support/messages';
import { retain, retained, unretain } from './support/retained';

let engine: Engine;

beforeAll(async () => {
  engine = await Engine.start();
});

afterAll(() => engine.stop());

/** Returns the matches of a filter as `topic=payload`, sorted. */
async function found(store: RetainedStore, filter: string): Promise<string[]> {
  return (await retained(store, filter)).map(({ topic, payload }) => `${brief(topic)}=${payload}`).sort();
}

/** Keeps a failure from printing 65,535 bytes. */
function brief(topic: string): string {
  return topic.length < 200 ? topic : `${topic.slice(0, 20)}...${topic.slice(-20)} (${topic.length})`;
}

describe('retained messages', () => {
  let store: RetainedStore;

  beforeAll(() => {
    store = new DynamoRetainedStore(engine.client(), engine.table('retained'));
  });

  it('are read as they were put', async () => {
    const binary = message('binary/x', everyByte, { qos: 2 });

    await retain(store, binary);

    for (const filter of ['binary/x', 'binary/+', 'binary/#', '+/x']) {
      expect(await retained(store, filter)).toEqual([binary]);
    }
  });

  it('are read with all properties', async () => {
    await retain(store, fullMessage('properties/full'));
    await retain(store, emptyMessage('properties/empty'));

    expect(await retained(store, 'properties/full')).toEqual([fullMessage('properties/full')]);
    expect(await retained(store, '+/empty')).toEqual([emptyMessage('properties/empty')]);
  });

  it('come back with each property alone', async () => {
    for (const [index, properties] of singleProperties.entries()) {
      await retain(store, message(`alone/${index}`, 'on', { properties }));

      expect(await retained(store, `alone/${index}`)).toEqual([message(`alone/${index}`, 'on', { properties })]);
    }
  });

  it('lose all properties of the former message', async () => {
    await retain(store, fullMessage('said/before'));
    await retain(store, message('said/before'));

    expect(await retained(store, 'said/before')).toEqual([message('said/before')]);
  });

  it('may be empty', async () => {
    await retain(store, message('empty/topic', ''));

    expect(await retained(store, 'empty/+')).toEqual([message('empty/topic', '')]);
  });

  it('are replaced: the last one per topic counts', async () => {
    await retain(store, message('replaced/topic', 'first'));
    await retain(store, message('replaced/topic', 'second'));

    expect(await found(store, 'replaced/#')).toEqual(['replaced/topic=second']);
    expect(await found(store, '+/topic')).toContain('replaced/topic=second');
  });

  it('are removed for every filter, and what is not there is removed without complaint', async () => {
    await retain(store, message('removed/away'));
    await unretain(store, 'removed/away');
    await unretain(store, 'removed/away');

    for (const filter of ['removed/away', 'removed/+', 'removed/#', '+/away']) {
      expect(await retained(store, filter)).toEqual([]);
    }
  });

  it('leave nothing to pay for when they are removed', async () => {
    for (let count = 0; count < 60; count++) await retain(store, message(`gone/${count}/for-good`, 'x'.repeat(500)));
    for (let count = 0; count < 60; count++) await unretain(store, `gone/${count}/for-good`);

    expect(await engine.readUnits('retained', () => retained(store, 'gone/+/for-good'))).toBeLessThanOrEqual(1);
    expect(await engine.readUnits('retained', () => retained(store, 'gone/+/+'))).toBeLessThanOrEqual(1);
  });

  it('with an empty first level are found where nothing lies above them', async () => {
    await retain(store, message('/slash'));

    expect(await found(store, '/#')).toEqual(['/slash=on']);
    expect(await found(store, '/+')).toEqual(['/slash=on']);
    expect(await found(store, '+/slash')).toEqual(['/slash=on']);
    expect(await found(store, '+/#')).toContain('/slash=on');
    expect(await found(store, '+')).not.toContain('/slash=on');
  });

  it('have topics of up to 65,535 bytes with any common beginning', async () => {
    const [one, other] = [longest('long/', '/one'), longest('long/', '/other')];
    await retain(store, message(one, '1'));
    await retain(store, message(other, '2'));

    expect(await retained(store, one)).toEqual([message(one, '1')]);
    expect(await found(store, 'long/#')).toEqual([`${brief(one)}=1`, `${brief(other)}=2`].sort());
    expect(await found(store, `${other}/#`)).toEqual([`${brief(other)}=2`]);
    expect(await found(store, `long/+/other`)).toEqual([`${brief(other)}=2`]);
    await unretain(store, one);
    expect(await found(store, 'long/+/+')).toEqual([`${brief(other)}=2`]);
  });

  it('have a single level of up to 65,535 bytes', async () => {
    const level = longest('one-level', '!');
    await retain(store, message(level));

    for (const filter of [level, `${level}/#`]) expect(await found(store, filter)).toEqual([`${brief(level)}=on`]);
    for (const filter of ['+', '#']) expect(await found(store, filter)).toContain(`${brief(level)}=on`);
  });
});

describeExhaustive('writers of one retained topic', () => {
  const writers = [writer(), writer(), writer()] as const;
  let reader: RetainedStore;

  beforeAll(async () => {
    reader = new DynamoRetainedStore(engine.client(), engine.table('retained'));
    for (const { through } of writers) await retain(through(open), message('race/begins')); // lists the first level
  });

  /** A store that is used in all rounds, with another gate in each. */
  function writer() {
    let gate = open;
    let store: RetainedStore | undefined;
    return {
      through(next: Gate): RetainedStore {
        gate = next;
        store ??= new DynamoRetainedStore(
          engine.client((request) => gate(request)),
          engine.table('retained'),
        );
        return store;
      },
    };
  }

  /** Returns the payload of a topic that all its filters find. */
  async function agreed(last: string): Promise<string | undefined> {
    const payloads = await Promise.all(
      [`race/${last}`, 'race/#', `+/${last}`].map(async (filter) => {
        const messages = await retained(reader, filter);
        return messages.filter(({ topic }) => topic === `race/${last}`).map(({ payload }) => `${payload}`);
      }),
    );
    expect(payloads).toEqual(payloads.map(() => payloads[0]));
    return payloads[0]?.[0];
  }

  it('put two: one of the two is found by every filter', async () => {
    const left = new Set();

    await everyInterleaving(async (race, round) => {
      const topic = `race/both-${round}`;
      await race(
        (gate) => retain(writers[0].through(gate), message(topic, 'one')),
        (gate) => retain(writers[1].through(gate), message(topic, 'two')),
      );
      left.add(await agreed(`both-${round}`));
      await unretain(reader, topic);
      expect(await agreed(`both-${round}`)).toBeUndefined();
    });

    expect(left).toEqual(new Set(['one', 'two']));
  });

  it('put and remove against another put: what exists is found by every filter', async () => {
    const left = new Set();

    await everyInterleaving(async (race, round) => {
      const topic = `race/against-${round}`;
      await race(
        async (gate) => {
          const store = writers[0].through(gate);
          await retain(store, message(topic, 'one'));
          await unretain(store, topic);
        },
        (gate) => retain(writers[1].through(gate), message(topic, 'two')),
      );
      left.add(await agreed(`against-${round}`));
      await unretain(reader, topic);
    });

    expect(left).toEqual(new Set([undefined, 'two']));
  });

  it('replace against remove: the old one is gone in any case', async () => {
    const left = new Set();

    await everyInterleaving(async (race, round) => {
      const topic = `race/old-${round}`;
      await retain(reader, message(topic, 'old'));
      await race(
        (gate) => retain(writers[0].through(gate), message(topic, 'new')),
        (gate) => unretain(writers[1].through(gate), topic),
      );
      left.add(await agreed(`old-${round}`));
      await unretain(reader, topic);
    });

    expect(left).toEqual(new Set([undefined, 'new']));
  });

  it('remove both: nothing is left for any filter', async () => {
    await everyInterleaving(async (race, round) => {
      const topic = `race/none-${round}`;
      await retain(reader, message(topic));
      await race(
        (gate) => unretain(writers[0].through(gate), topic),
        (gate) => unretain(writers[1].through(gate), topic),
      );
      expect(await agreed(`none-${round}`)).toBeUndefined();
    });
  });

  it.each([
    ['before it is written, its pointer is written again', [0, 1, 2, 2, 2, 2, 1, 1, 1, 0, 0], 'one'],
    ['and the pointer goes after it was seen, the removal writes it again', [0, 1, 2, 2, 1, 1, 0, 0, 0, 0, 0], 'one'],
  ] as const)('put twice and remove: where a message is removed %s', async (name, order, left) => {
    const last = `three-${name.length}`;
    const topic = `race/${last}`;

    await inOrder(
      order,
      (gate) => retain(writers[0].through(gate), message(topic, 'one')),
      (gate) => retain(writers[1].through(gate), message(topic, 'two')),
      (gate) => unretain(writers[2].through(gate), topic),
    );

    expect(await agreed(last)).toBe(left);
  });

  it.each([0, 1, 2])('one dies before request %i of a put and repeats it, the other removes', async (step) => {
    await everyInterleaving(async (race, round) => {
      const topic = `race/dies-${step}-${round}`;
      const put = (gate: Gate) => retain(writers[0].through(gate), message(topic, 'one'));
      await retain(reader, message(topic, 'old'));
      await race(
        (gate) =>
          untilDone(
            () => put(dyingAfter(step, gate)),
            () => put(gate),
          ),
        (gate) => unretain(writers[1].through(gate), topic),
      );
      expect(['one', undefined]).toContain(await agreed(`dies-${step}-${round}`));
      await unretain(reader, topic);
    });
  });

  it('one dies between message and pointer of a removal and repeats it, the other puts', async () => {
    await everyInterleaving(async (race, round) => {
      const topic = `race/half-${round}`;
      const remove = (gate: Gate) => unretain(writers[0].through(gate), topic);
      await retain(reader, message(topic, 'old'));
      await race(
        (gate) =>
          untilDone(
            () => remove(dyingAfter(1, gate)),
            () => remove(gate),
          ),
        (gate) => retain(writers[1].through(gate), message(topic, 'new')),
      );
      expect(['new', undefined]).toContain(await agreed(`half-${round}`));
      await unretain(reader, topic);
    });
  });
});

describe('the order of writes of one retained topic', () => {
  const turn = { connectionId: 'a', number: 7 };
  let store: RetainedStore;

  beforeAll(() => {
    store = new DynamoRetainedStore(engine.client(), engine.table('retained'), {
      limits: { all: 0, perAccount: 0 },
      now: () => 1234,
    });
  });

  it('returns the write before each write, by any writer', async () => {
    const first = await store.begin('order/turns', turn);
    const second = await store.begin('order/turns');
    const third = await store.begin('order/turns', { connectionId: 'b', number: 1 });
    const { revision } = first.write;

    expect(first).toEqual({ write: { topic: 'order/turns', revision, at: 1234, turn } });
    expect(second).toEqual({
      write: { topic: 'order/turns', revision: second.write.revision, at: 1234 },
      before: first.write,
    });
    expect(third.before).toEqual(second.write);
  });

  it('marks a write without a turn as ended for the next one and for a waiting one', async () => {
    const first = await store.begin('order/over');
    const second = await store.begin('order/over');
    expect(second.before).toEqual(first.write);
    expect(await store.hasEnded(first.write)).toBe(false);

    await store.endPut(first.write);
    expect(await store.hasEnded(first.write)).toBe(true);
    expect(await store.hasEnded(second.write)).toBe(false);

    await store.endPut(second.write);
    expect((await store.begin('order/over')).before).toBeUndefined();
  });

  it('marks a removal as ended, whether it is the last write or not', async () => {
    const removal = await store.begin('order/removed');
    const next = await store.begin('order/removed');
    expect(await store.hasEnded(removal.write)).toBe(false);
    await store.endRemoval(removal.write);
    expect(await store.hasEnded(removal.write)).toBe(true);

    await store.endRemoval(next.write);
    expect(await store.hasEnded(next.write)).toBe(true);
    expect((await store.begin('order/removed')).before).toBeUndefined();
  });

  it('keeps with a QoS 2 message by which it is routed', async () => {
    const { write } = await store.begin('order/routed', turn);
    await store.put(message('order/routed', 'on', { qos: 2 }), write, { id: 'event.3', attempted: false, account: '' });
    const { revision } = write;

    expect(await store.match('order/+')).toEqual([
      { message: message('order/routed', 'on', { qos: 2 }), revision, routing: { id: 'event.3', write } },
    ]);
  });

  it.each(['now/same', '+/same', 'now/#', 'now/+', '#'])('is followed by what %s finds now', async (filter) => {
    await retain(store, message('now/same'));
    await retain(store, message('now/other'));
    const page = await store.page(filter);
    const same = page.copies.find((copy) => copy.message.topic === 'now/same')!;
    expect((await page.current()).get('now/same')).toEqual(same);

    const { write } = await store.begin('now/same'); // the stored one is still the former
    expect((await page.current()).get('now/same')).toEqual(same);

    await store.put(message('now/same', 'changed'), write, { id: 'event', attempted: false, account: '' });
    const changed = { message: message('now/same', 'changed'), revision: write.revision };
    expect((await page.current()).get('now/same')).toEqual(changed);

    await unretain(store, 'now/same');
    expect((await page.current()).get('now/same')).toBeUndefined();
  });
});

describe('match', () => {
  const random = new Random(1);
  const words = [
    'a',
    'b',
    'A',
    '',
    ' ',
    'é',
    '日本',
    '😀',
    '$',
    '$SYS',
    'a.b',
    '\uFFFD',
    longest('w', 'w').slice(0, 1000),
  ];
  let engine: Engine;

  beforeAll(async () => {
    engine = await Engine.start();
  });

  afterAll(() => engine.stop());

  function randomTopic(): string {
    const topic = Array.from({ length: 1 + random.below(4) }, () => random.pick(words)).join('/');
    return topic || 'a';
  }

  /** Returns a random filter: mostly an existing topic with some levels replaced by wildcards. */
  function randomFilter(topics: readonly string[]): string {
    const parts = (random.below(4) > 0 ? random.pick(topics) : randomTopic()).split('/');
    const wild = parts.map((part) => (random.below(3) === 0 ? '+' : part));
    const keep = 1 + random.below(wild.length);
    return random.below(3) > 0 ? wild.join('/') : [...wild.slice(0, keep - random.below(2)), '#'].join('/');
  }

  it('finds the same as a comparison with every topic, for random topics and filters', async () => {
    const store = new DynamoRetainedStore(engine.client(), engine.table('retained'));
    const topics = [...new Set(Array.from({ length: 150 }, randomTopic))];
    for (const topic of [longest('a/', '/b'), longest('日本/', '/b'), longest('$SYS/', '/a')]) topics.push(topic);
    for (const topic of topics) await retain(store, message(topic, ''));

    for (let count = 0; count < randomCases(250); count++) {
      const filter = randomFilter(topics);
      const expected = topics.filter((topic) => matches(filter, topic)).map((topic) => `${brief(topic)}=`);
      expect({ filter: brief(filter), found: await found(store, filter) }).toEqual({
        filter: brief(filter),
        found: expected.sort(),
      });
    }
  });
});
