import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { TopicIndex } from '../../lambdas/broker/ports';
import type { Subscriber } from '../../lambdas/broker/records';
import { DynamoTopicIndex } from '../../lambdas/storage/topic-index';
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

  it('finds who subscribed to exactly this filter', async () => {
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

  it('gives the row to the newer session, whoever writes last', async () => {
    const rows = [subscriber('fenced', 'one', { session: newer, qos: 2 }), subscriber('fenced', 'one', { qos: 0 })];

    expect(await index.put(subscriber('fenced', 'one'))).toBe('put');
    expect(await index.put(rows[0]!)).toBe('put');
    expect(await index.put(rows[1]!)).toBe('late');
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

  it('removes a row as often as it is asked to', async () => {
    await index.put(subscriber('removed', 'one'));
    await index.put(subscriber('removed', 'two'));

    await index.remove(subscriber('removed', 'one'));
    await index.remove(subscriber('removed', 'one'));

    expect(await index.subscribers('removed')).toEqual([subscriber('removed', 'two')]);
  });

  it('tells long filters and long client ids apart by their last byte', async () => {
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

  it('removes of a filter what was subscribed to, plain or for one share', async () => {
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

    expect(await index.put(subscriber('fenced shares', 'one', { share: 'g' }))).toBe('late');
    expect(await index.put(subscriber('fenced shares', 'one', { share: 'h' }))).toBe('put');
    expect(await index.put(subscriber('fenced shares', 'one'))).toBe('put');
    expect(await index.subscribers('fenced shares')).toContainEqual(newest);
  });

  it('tells shares from client ids, however long both are', async () => {
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

  it('lists shapes with a revision that every touch changes, also of two at once', async () => {
    await index.touch('L+');
    const before = await index.shapes();
    await Promise.all([index.touch('L+'), index.touch('L+'), index.touch('L#'), index.touch('+')]);
    const after = await index.shapes();

    expect([...before.keys()]).toEqual(['L+']);
    expect([...after.keys()].sort()).toEqual(['+', 'L#', 'L+']);
    expect(after.get('L+')).toBe((before.get('L+') ?? 0) + 2);
  });

  it('holds the shapes apart from all filters and clients', async () => {
    await index.put(subscriber('shapes', '#'));
    await index.put(subscriber('L+', 'L+'));

    expect((await index.shapes()).has('#')).toBe(false);
    expect(await index.subscribers('shapes')).toEqual([subscriber('shapes', '#')]);
  });
});
