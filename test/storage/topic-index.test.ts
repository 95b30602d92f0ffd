import { PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Subscriber } from '../../lambdas/broker/model/subscription';
import type { TopicIndex } from '../../lambdas/broker/ports/topic-index-store';
import { shapeOf } from '../../lambdas/protocol/shape';
import { keyOf, maxPartitionKeyBytes } from '../../lambdas/storage/shortened-keys';
import { DynamoTopicIndex, shapesKey } from '../../lambdas/storage/topic-index';
import { Engine } from './support/engine';
import { longest } from './support/messages';

const [older, newer] = ['000000000000001#a', '000000000000002#b'];

function subscriber(filter: string, clientId: string, fields: Partial<Subscriber> = {}): Subscriber {
  return { filter, clientId, session: older, qos: 1, ...fields };
}

describe('topic index', () => {
  let engine: Engine;
  let index: TopicIndex;

  beforeAll(async () => {
    engine = await Engine.start();
    index = new DynamoTopicIndex(engine.client(), engine.table('topicIndex'));
  });

  afterAll(() => engine.stop());

  it('finds the subscribers of exactly this filter', async () => {
    const both = [subscriber('a/+', 'one', { qos: 0 }), subscriber('a/+', 'two', { qos: 2 })];
    await Promise.all([...both, subscriber('a/#', 'three'), subscriber('A/+', 'four')].map((row) => index.put(row)));

    expect(await index.subscribers('a/+')).toEqual(both);
    expect(await index.subscribers('a/b')).toEqual([]);
  });

  it('holds one row per client and filter: the last one of a session counts', async () => {
    await index.put(subscriber('again', 'one', { qos: 0 }));

    expect(await index.put(subscriber('again', 'one', { qos: 2 }))).toBe('put');
    expect(await index.subscribers('again')).toEqual([subscriber('again', 'one', { qos: 2 })]);
  });

  it('gives the row to the newer session in any order of writes', async () => {
    const rows = [subscriber('fenced', 'one', { session: newer, qos: 2 }), subscriber('fenced', 'one', { qos: 0 })];

    expect(await index.put(subscriber('fenced', 'one'))).toBe('put');
    expect(await index.put(rows[0]!)).toBe('put');
    expect(await index.put(rows[1]!)).toBe('outdated');
    expect(await index.subscribers('fenced')).toEqual([rows[0]]);
  });

  it('never lets an older session remove the row of a newer one, nor the other way round', async () => {
    await index.put(subscriber('kept/newer', 'one', { session: newer }));
    await index.put(subscriber('kept/older', 'one'));

    await index.remove(subscriber('kept/newer', 'one'));
    await index.remove(subscriber('kept/older', 'one', { session: newer }));

    expect(await index.subscribers('kept/newer')).toHaveLength(1);
    expect(await index.subscribers('kept/older')).toHaveLength(1);
  });

  it('removes a row any number of times', async () => {
    await index.put(subscriber('removed', 'one'));
    await index.put(subscriber('removed', 'two'));

    await index.remove(subscriber('removed', 'one'));
    await index.remove(subscriber('removed', 'one'));

    expect(await index.subscribers('removed')).toEqual([subscriber('removed', 'two')]);
  });

  it('distinguishes long filters and long client ids by their last byte', async () => {
    const filters = [longest('filter/', '/a'), longest('filter/', '/b')];
    const clientIds = [longest('client', 'a'), longest('client', 'b'), 'client'];
    for (const filter of filters) {
      for (const clientId of clientIds) await index.put(subscriber(filter, clientId));
    }

    await index.remove(subscriber(filters[0]!, clientIds[0]!));

    const found = async (filter: string) => (await index.subscribers(filter)).map(({ clientId }) => clientId).sort();
    expect((await found(filters[0]!)).map((id) => id.at(-1))).toEqual(['t', 'b']);
    expect((await found(filters[1]!)).map((id) => id.at(-1))).toEqual(['t', 'a', 'b']);
    expect((await index.subscribers(filters[1]!)).every(({ filter }) => filter === filters[1])).toBe(true);
  });

  it('holds the options of a subscription, those of its last SUBSCRIBE', async () => {
    const full = subscriber('options', 'one', {
      qos: 2,
      noLocal: true,
      retainAsPublished: true,
      identifiers: [268_435_455],
    });
    await index.put(full);
    expect(await index.subscribers('options')).toEqual([full]);

    await index.put(subscriber('options', 'one', { retainAsPublished: true, identifiers: [1] }));
    expect(await index.subscribers('options')).toEqual([
      subscriber('options', 'one', { retainAsPublished: true, identifiers: [1] }),
    ]);

    await index.put(subscriber('options', 'one'));
    expect(await index.subscribers('options')).toEqual([subscriber('options', 'one')]);
  });

  it('holds a filter of one client plain and in several shares', async () => {
    const rows = [
      subscriber('shares', 'one'),
      subscriber('shares', 'one', { share: 'g', qos: 2, identifiers: [7] }),
      subscriber('shares', 'one', { share: 'h', qos: 0 }),
      subscriber('shares', 'two', { share: 'g', retainAsPublished: true }),
    ];
    for (const row of rows) await index.put(row);

    const found = await index.subscribers('shares');
    expect(found).toHaveLength(4);
    expect(found).toEqual(expect.arrayContaining(rows));
  });

  it('removes a subscription to a filter, plain or for one share', async () => {
    const plain = subscriber('unshared', 'one');
    const [g, h] = [subscriber('unshared', 'one', { share: 'g' }), subscriber('unshared', 'one', { share: 'h' })];
    for (const row of [plain, g, h]) await index.put(row);

    await index.remove(g);
    expect(await index.subscribers('unshared')).toEqual(expect.arrayContaining([plain, h]));
    expect(await index.subscribers('unshared')).toHaveLength(2);

    await index.remove(plain);
    expect(await index.subscribers('unshared')).toEqual([h]);

    await index.remove({ ...h, session: newer });
    expect(await index.subscribers('unshared')).toEqual([h]);
  });

  it('gives each row of a share to the newer session, apart from the plain one', async () => {
    const newest = subscriber('fenced shares', 'one', { share: 'g', session: newer });
    await index.put(newest);

    expect(await index.put(subscriber('fenced shares', 'one', { share: 'g' }))).toBe('outdated');
    expect(await index.put(subscriber('fenced shares', 'one', { share: 'h' }))).toBe('put');
    expect(await index.put(subscriber('fenced shares', 'one'))).toBe('put');
    expect(await index.subscribers('fenced shares')).toContainEqual(newest);
  });

  it('distinguishes shares from client ids of any length', async () => {
    const filter = 'long shares';
    const [one, other] = [longest('x', 'a'), longest('x', 'b')];
    const rows = [
      subscriber(filter, one, { share: 'g' }),
      subscriber(filter, other, { share: 'g' }),
      subscriber(filter, one),
      subscriber(filter, 'g', { share: one }),
      subscriber(filter, 'g', { share: other }),
      subscriber(filter, 'b/c', { share: 'a' }),
    ];
    for (const row of rows) await index.put(row);

    const name = ({ clientId, share = '' }: Subscriber) =>
      `${share.length}${share.at(-1)} ${clientId.length}${clientId.at(-1)}`;
    expect((await index.subscribers(filter)).map(name).sort()).toEqual(rows.map(name).sort());

    for (const row of rows) await index.remove(row);
    expect(await index.subscribers(filter)).toEqual([]);
  });

  it('finds an audience of more than one page', async () => {
    const clientIds = Array.from({ length: 40 }, (_, number) => longest(`${number}`.padStart(2, '0'), '!'));
    await Promise.all(clientIds.map((clientId) => index.put(subscriber('crowd', clientId))));

    const found = (await index.subscribers('crowd')).map(({ clientId }) => clientId);
    expect(found.sort().every((clientId, number) => clientId === clientIds[number])).toBe(true);
    expect(found).toHaveLength(40);
  });

  describe('and its list of shapes', () => {
    let shapes: TopicIndex;

    beforeEach(async () => {
      await engine.stop();
      engine = await Engine.start();
      shapes = new DynamoTopicIndex(engine.client(), engine.table('topicIndex'));
      index = shapes;
    });

    it('gives a shape a revision that every touch changes, also of two at once', async () => {
      await shapes.list(['L+', '+'], 'somebody', await shapes.shapes());
      const before = await shapes.shapes();
      await Promise.all([shapes.touch('L+'), shapes.touch('L+')]);
      const after = await shapes.shapes();

      expect([...after.revisions.keys()].sort()).toEqual(['+', 'L+']);
      expect(after.revisions.get('L+')).toBe((before.revisions.get('L+') ?? 0) + 2);
      expect(after.revisions.get('+')).toBe(before.revisions.get('+'));
    });

    it('does not list a shape because it is touched', async () => {
      expect(await shapes.touch('L+')).toBe('unlisted');
      expect((await shapes.shapes()).revisions.size).toBe(0);
    });

    it('keeps the owner of a shape until the shape is removed', async () => {
      await shapes.list(['L+', 'L#'], 'somebody', await shapes.shapes());
      await shapes.list(['+'], 'another', await shapes.shapes());
      await shapes.unlist(['L#'], await shapes.shapes());

      const expected = [
        ['+', 'another'],
        ['L+', 'somebody'],
      ];
      expect([...(await shapes.shapes()).owners].sort()).toEqual(expected);
    });

    it('lists nothing when another shape was listed or removed meanwhile', async () => {
      const empty = await shapes.shapes();
      expect(await shapes.list(['L+'], 'one', empty)).toBe('listed');
      expect(await shapes.list(['L#'], 'two', empty)).toBe('changed');

      const seen = await shapes.shapes();
      await shapes.unlist(['L+'], seen);
      expect(await shapes.list(['L#'], 'two', seen)).toBe('changed');
      expect((await shapes.shapes()).revisions.size).toBe(0);
    });

    it('removes nothing when one of the shapes was touched, or the list has changed meanwhile', async () => {
      await shapes.list(['L+', 'L#'], 'one', await shapes.shapes());
      const seen = await shapes.shapes();
      await shapes.touch('L#');
      expect(await shapes.unlist(['L+', 'L#'], seen)).toBe('changed');
      expect(await shapes.unlist(['L+'], seen)).toBe('unlisted');
      expect(await shapes.unlist(['L#'], seen)).toBe('changed');

      expect([...(await shapes.shapes()).revisions.keys()]).toEqual(['L#']);
    });

    it('never gives a shape a revision that it had before', async () => {
      const revisions: number[] = [];
      for (let round = 0; round < 4; round++) {
        await shapes.list(['L+'], 'one', await shapes.shapes());
        for (let touches = 0; touches < round; touches++) await shapes.touch('L+');
        const seen = await shapes.shapes();
        revisions.push((seen.revisions.get('L+') ?? 0) - round, seen.revisions.get('L+') ?? 0);
        await shapes.unlist(['L+'], seen);
      }

      expect(revisions).toEqual([...revisions].sort((one, other) => one - other));
      expect(new Set(revisions).size).toBe(7); // it is not touched in the first round
    });

    it('goes on from a list of an earlier release', async () => {
      await engine.client().send(
        new UpdateItemCommand({
          TableName: engine.table('topicIndex'),
          Key: shapesKey,
          UpdateExpression: 'ADD #shape :seven',
          ExpressionAttributeNames: { '#shape': 'L+' },
          ExpressionAttributeValues: { ':seven': { N: '7' } },
        }),
      );
      const seen = await shapes.shapes();
      expect(seen).toEqual({ revisions: new Map([['L+', 7]]), owners: new Map(), version: 0 });
      await shapes.unlist(['L+'], seen);
      await shapes.list(['L+'], 'one', await shapes.shapes());

      expect((await shapes.shapes()).revisions.get('L+')).toBeGreaterThan(7);
    });

    async function used() {
      const pages = [];
      for await (const page of shapes.usedShapes()) pages.push(page);
      return { pages: pages.length, shapes: new Set(pages.flatMap((page) => [...page.shapes])), last: pages.at(-1) };
    }

    it('returns the shapes of all rows, shared ones and those under shortened keys included', async () => {
      await shapes.list(['+++'], 'nobody has it', await shapes.shapes());
      const filters = ['a/+', 'b/+', 'c/#', `${longest('long/', '/x')}/+/#`];
      for (const filter of filters) await shapes.put(subscriber(filter, 'one'));
      await shapes.put(subscriber('shared/+/+', 'one', { share: 'g' }));

      expect(await used()).toMatchObject({ shapes: new Set(['L+', 'L#', shapeOf(filters[3]!), 'L++']) });
    });

    it('returns the beginning of the shape of a row that an earlier release has written under a shortened key', async () => {
      const filter = keyOf(`a/+/${'x'.repeat(3000)}/+`, maxPartitionKeyBytes);
      const Item = { filter: { S: filter }, clientId: { S: 'one' }, session: { S: older }, qos: { N: '1' } };
      await engine.client().send(new PutItemCommand({ TableName: engine.table('topicIndex'), Item }));

      expect((await used()).last).toEqual({ shapes: new Set(), prefixes: ['L+'] });
    });

    it('reads a small page first', async () => {
      await Promise.all(Array.from({ length: 120 }, (_, number) => shapes.put(subscriber(`many/${number}`, 'one'))));

      const found = await used();
      expect(found.shapes).toEqual(new Set(['LL']));
      expect(found.pages).toBe(2);
    });

    it('lies apart from all filters and clients', async () => {
      await shapes.put(subscriber('shapes', '#'));
      await shapes.put(subscriber('L+', 'L+'));

      expect((await shapes.shapes()).revisions.size).toBe(0);
      expect(await shapes.subscribers('shapes')).toEqual([subscriber('shapes', '#')]);
    });
  });
});
