import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Subscriber, TopicIndex } from '../../lambdas/broker/ports';
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

    await index.remove('kept/newer', 'one', older);
    await index.remove('kept/older', 'one', newer);

    expect(await index.subscribers('kept/newer')).toHaveLength(1);
    expect(await index.subscribers('kept/older')).toHaveLength(1);
  });

  it('removes a row as often as it is asked to', async () => {
    await index.put(subscriber('removed', 'one'));
    await index.put(subscriber('removed', 'two'));

    await index.remove('removed', 'one', older);
    await index.remove('removed', 'one', older);

    expect(await index.subscribers('removed')).toEqual([subscriber('removed', 'two')]);
  });

  it('tells long filters and long client ids apart by their last byte', async () => {
    const filters = [longest('filter/', '/a'), longest('filter/', '/b')];
    const clientIds = [longest('client', 'a'), longest('client', 'b'), 'client'];
    for (const filter of filters) {
      for (const clientId of clientIds) await index.put(subscriber(filter, clientId));
    }

    await index.remove(filters[0]!, clientIds[0]!, older);

    const found = async (filter: string) => (await index.subscribers(filter)).map(({ clientId }) => clientId).sort();
    expect((await found(filters[0]!)).map((id) => id.at(-1))).toEqual(['t', 'b']);
    expect((await found(filters[1]!)).map((id) => id.at(-1))).toEqual(['t', 'a', 'b']);
    expect((await index.subscribers(filters[1]!)).every(({ filter }) => filter === filters[1])).toBe(true);
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
