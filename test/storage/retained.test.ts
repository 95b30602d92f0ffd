import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RetainedStore } from '../../lambdas/broker/ports';
import { matches } from '../../lambdas/protocol/topic-filter';
import { DynamoRetainedStore } from '../../lambdas/storage/retained';
import { Random } from '../support/random';
import { Engine, type Gate, open } from './support/engine';
import { dyingAfter, everyInterleaving, inOrder, untilDone } from './support/interleaving';
import { emptyMessage, everyByte, fullMessage, longest, message, singleProperties } from './support/messages';

let engine: Engine;

beforeAll(async () => {
  engine = await Engine.start();
});

afterAll(() => engine.stop());

/** What a filter finds, as `topic=payload`, sorted. */
async function found(store: RetainedStore, filter: string): Promise<string[]> {
  return (await store.match(filter)).map(({ topic, payload }) => `${brief(topic)}=${payload}`).sort();
}

/** A failure should not print 65,535 bytes. */
function brief(topic: string): string {
  return topic.length < 200 ? topic : `${topic.slice(0, 20)}...${topic.slice(-20)} (${topic.length})`;
}

describe('retained messages', () => {
  let store: RetainedStore;

  beforeAll(() => {
    store = new DynamoRetainedStore(engine.client(), engine.table('retained'));
  });

  it('come back as they were put', async () => {
    const binary = message('binary/x', everyByte, { qos: 2 });

    await store.put(binary);

    for (const filter of ['binary/x', 'binary/+', 'binary/#', '+/x']) {
      expect(await store.match(filter)).toEqual([binary]);
    }
  });

  it('come back with all that was said about them', async () => {
    await store.put(fullMessage('told/full'));
    await store.put(emptyMessage('told/empty'));

    expect(await store.match('told/full')).toEqual([fullMessage('told/full')]);
    expect(await store.match('+/empty')).toEqual([emptyMessage('told/empty')]);
  });

  it('come back with each property alone', async () => {
    for (const [index, properties] of singleProperties.entries()) {
      await store.put(message(`alone/${index}`, 'on', { properties }));

      expect(await store.match(`alone/${index}`)).toEqual([message(`alone/${index}`, 'on', { properties })]);
    }
  });

  it('forget what was said about the one before', async () => {
    await store.put(fullMessage('said/before'));
    await store.put(message('said/before'));

    expect(await store.match('said/before')).toEqual([message('said/before')]);
  });

  it('may be empty', async () => {
    await store.put(message('empty/topic', ''));

    expect(await store.match('empty/+')).toEqual([message('empty/topic', '')]);
  });

  it('are replaced: the last one per topic counts', async () => {
    await store.put(message('replaced/topic', 'first'));
    await store.put(message('replaced/topic', 'second'));

    expect(await found(store, 'replaced/#')).toEqual(['replaced/topic=second']);
    expect(await found(store, '+/topic')).toContain('replaced/topic=second');
  });

  it('are removed for every filter, and what is not there is removed without complaint', async () => {
    await store.put(message('removed/away'));
    await store.remove('removed/away');
    await store.remove('removed/away');

    for (const filter of ['removed/away', 'removed/+', 'removed/#', '+/away']) {
      expect(await store.match(filter)).toEqual([]);
    }
  });

  it('leave nothing to pay for when they are removed', async () => {
    for (let count = 0; count < 60; count++) await store.put(message(`gone/${count}/for-good`, 'x'.repeat(500)));
    for (let count = 0; count < 60; count++) await store.remove(`gone/${count}/for-good`);

    expect(await engine.readUnits('retained', () => store.match('gone/+/for-good'))).toBeLessThanOrEqual(1);
    expect(await engine.readUnits('retained', () => store.match('gone/+/+'))).toBeLessThanOrEqual(1);
  });

  it('with an empty first level are found where nothing lies above them', async () => {
    await store.put(message('/slash'));

    expect(await found(store, '/#')).toEqual(['/slash=on']);
    expect(await found(store, '/+')).toEqual(['/slash=on']);
    expect(await found(store, '+/slash')).toEqual(['/slash=on']);
    expect(await found(store, '+/#')).toContain('/slash=on');
    expect(await found(store, '+')).not.toContain('/slash=on');
  });

  it('have topics of up to 65,535 bytes, whatever they have in common', async () => {
    const [one, other] = [longest('long/', '/one'), longest('long/', '/other')];
    await store.put(message(one, '1'));
    await store.put(message(other, '2'));

    expect(await store.match(one)).toEqual([message(one, '1')]);
    expect(await found(store, 'long/#')).toEqual([`${brief(one)}=1`, `${brief(other)}=2`].sort());
    expect(await found(store, `${other}/#`)).toEqual([`${brief(other)}=2`]);
    expect(await found(store, `long/+/other`)).toEqual([`${brief(other)}=2`]);
    await store.remove(one);
    expect(await found(store, 'long/+/+')).toEqual([`${brief(other)}=2`]);
  });

  it('have a single level of up to 65,535 bytes', async () => {
    const level = longest('one-level', '!');
    await store.put(message(level));

    for (const filter of [level, `${level}/#`]) expect(await found(store, filter)).toEqual([`${brief(level)}=on`]);
    for (const filter of ['+', '#']) expect(await found(store, filter)).toContain(`${brief(level)}=on`);
  });
});

describe('writers of one retained topic', () => {
  const writers = [writer(), writer(), writer()] as const;
  let reader: RetainedStore;

  beforeAll(async () => {
    reader = new DynamoRetainedStore(engine.client(), engine.table('retained'));
    for (const { through } of writers) await through(open).put(message('race/begins')); // lists the first level
  });

  /** A store that goes on from round to round, each with a gate of its own. */
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

  /** The payload that every filter finds for a topic. */
  async function agreed(last: string): Promise<string | undefined> {
    const payloads = await Promise.all(
      [`race/${last}`, 'race/#', `+/${last}`].map(async (filter) => {
        const messages = await reader.match(filter);
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
        (gate) => writers[0].through(gate).put(message(topic, 'one')),
        (gate) => writers[1].through(gate).put(message(topic, 'two')),
      );
      left.add(await agreed(`both-${round}`));
      await reader.remove(topic);
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
          await store.put(message(topic, 'one'));
          await store.remove(topic);
        },
        (gate) => writers[1].through(gate).put(message(topic, 'two')),
      );
      left.add(await agreed(`against-${round}`));
      await reader.remove(topic);
    });

    expect(left).toEqual(new Set([undefined, 'two']));
  });

  it('replace against remove: the old one is gone in any case', async () => {
    const left = new Set();

    await everyInterleaving(async (race, round) => {
      const topic = `race/old-${round}`;
      await reader.put(message(topic, 'old'));
      await race(
        (gate) => writers[0].through(gate).put(message(topic, 'new')),
        (gate) => writers[1].through(gate).remove(topic),
      );
      left.add(await agreed(`old-${round}`));
      await reader.remove(topic);
    });

    expect(left).toEqual(new Set([undefined, 'new']));
  });

  it('remove both: nothing is left for any filter', async () => {
    await everyInterleaving(async (race, round) => {
      const topic = `race/none-${round}`;
      await reader.put(message(topic));
      await race(
        (gate) => writers[0].through(gate).remove(topic),
        (gate) => writers[1].through(gate).remove(topic),
      );
      expect(await agreed(`none-${round}`)).toBeUndefined();
    });
  });

  it('put twice and remove: who writes its pointer again does not bring back one that is about to be removed', async () => {
    const topic = 'race/three';
    const [one, two, remover] = [0, 1, 2];
    const pointersThenFirstMessage = [one, two, one, one];
    const firstRemovedThenSecondMessage = [remover, two, two];
    const lastRequestsOfTheOthers = [one, 0];

    await inOrder(
      [...pointersThenFirstMessage, ...firstRemovedThenSecondMessage, ...lastRequestsOfTheOthers],
      (gate) => writers[0].through(gate).put(message(topic, 'one')),
      (gate) => writers[1].through(gate).put(message(topic, 'two')),
      (gate) => writers[2].through(gate).remove(topic),
    );

    expect(await agreed('three')).toBe('two');
  });

  it.each([0, 1, 2])('one dies before request %i of a put and repeats it, the other removes', async (step) => {
    await everyInterleaving(async (race, round) => {
      const topic = `race/dies-${step}-${round}`;
      const put = (gate: Gate) => writers[0].through(gate).put(message(topic, 'one'));
      await reader.put(message(topic, 'old'));
      await race(
        (gate) =>
          untilDone(
            () => put(dyingAfter(step, gate)),
            () => put(gate),
          ),
        (gate) => writers[1].through(gate).remove(topic),
      );
      expect(['one', undefined]).toContain(await agreed(`dies-${step}-${round}`));
      await reader.remove(topic);
    });
  });

  it('one dies between message and pointer of a removal and repeats it, the other puts', async () => {
    await everyInterleaving(async (race, round) => {
      const topic = `race/half-${round}`;
      const remove = (gate: Gate) => writers[0].through(gate).remove(topic);
      await reader.put(message(topic, 'old'));
      await race(
        (gate) =>
          untilDone(
            () => remove(dyingAfter(1, gate)),
            () => remove(gate),
          ),
        (gate) => writers[1].through(gate).put(message(topic, 'new')),
      );
      expect(['new', undefined]).toContain(await agreed(`half-${round}`));
      await reader.remove(topic);
    });
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

  /** Mostly a topic that is there, some of its levels replaced by wildcards. */
  function randomFilter(topics: readonly string[]): string {
    const parts = (random.below(4) > 0 ? random.pick(topics) : randomTopic()).split('/');
    const wild = parts.map((part) => (random.below(3) === 0 ? '+' : part));
    const keep = 1 + random.below(wild.length);
    return random.below(3) > 0 ? wild.join('/') : [...wild.slice(0, keep - random.below(2)), '#'].join('/');
  }

  it('finds what a look at every topic finds, for whatever topics and filters there are', async () => {
    const store = new DynamoRetainedStore(engine.client(), engine.table('retained'));
    const topics = [...new Set(Array.from({ length: 150 }, randomTopic))];
    for (const topic of [longest('a/', '/b'), longest('日本/', '/b'), longest('$SYS/', '/a')]) topics.push(topic);
    for (const topic of topics) await store.put(message(topic, ''));

    for (let count = 0; count < 250; count++) {
      const filter = randomFilter(topics);
      const expected = topics.filter((topic) => matches(filter, topic)).map((topic) => `${brief(topic)}=`);
      expect({ filter: brief(filter), found: await found(store, filter) }).toEqual({
        filter: brief(filter),
        found: expected.sort(),
      });
    }
  });
});
