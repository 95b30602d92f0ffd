import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RetainedStore } from '../../lambdas/broker/ports/retained-store';
import { type Item, writeAll } from '../../lambdas/storage/dynamo';
import { DynamoRetainedStore } from '../../lambdas/storage/retained-store';
import { Engine } from './support/engine';
import { message } from './support/messages';
import { retain } from './support/retained';

/**
 * 5,000 topics of a fleet. The matches of the filters below lie among many neighbours: other topics of the same first
 * level, other topics with the same last level, and topics that differ only in depth.
 */
const topics = [
  'a/b',
  ...numbered(40, (index) => `a/${index}/c`),
  ...numbered(400, (index) => `a/${index}/t`),
  ...numbered(100, (index) => `a/${index}/deep/c`),
  ...numbered(60, (index) => `a/leaf-${index}`),
  ...numbered(50, (index) => `site-${index}/x`),
  ...numbered(200, (index) => `site-${index % 50}/hall-${index}/x`),
  ...numbered(400, (index) => `site-${index % 50}/hall-${index}/c`),
  ...numbered(3749, (index) => `site-${index % 50}/device-${index}/state`),
];

function numbered(count: number, topic: (index: number) => string): string[] {
  return Array.from({ length: count }, (_, index) => topic(index));
}

/** Puts messages with few requests: it collects the rows that the store writes into batches. */
async function fill(engine: Engine, topics: readonly string[]): Promise<void> {
  const rows = new Map<string, Item>();
  const nameOf = ({ bucket, topic }: Item) => `${bucket?.S} ${topic?.S}`;
  const send = async ({ input }: { input: { Item?: Item; Key?: Item; ExpressionAttributeValues?: Item } }) => {
    const { Item, Key = {}, ExpressionAttributeValues: values } = input;
    if (Item) rows.set(nameOf(Item), Item);
    else if (values) rows.set(nameOf(Key), { ...Key, name: values[':topic']!, ...pointerOf(values) });
    return { Item: rows.get(nameOf(Key)) };
  };
  const store = new DynamoRetainedStore({ send } as unknown as DynamoDBClient, engine.table('retained'));
  for (const topic of topics) await retain(store, message(topic, 'x'.repeat(100)));
  const requests = [...rows.values()].map((Item) => ({ PutRequest: { Item } }));
  await writeAll(engine.client(), engine.table('retained'), requests);
}

function pointerOf(values: Item): Item {
  return { revision: values[':revision']!, writtenAt: values[':at']!, v: values[':schemaVersion']! };
}

describe('finding retained messages among 5,000', () => {
  let engine: Engine;
  let store: RetainedStore;

  beforeAll(async () => {
    engine = await Engine.start();
    store = new DynamoRetainedStore(engine.client(), engine.table('retained'));
    await fill(engine, topics);
  }, 180_000);

  afterAll(() => engine.stop());

  async function costOf(filter: string): Promise<{ matches: number; units: number }> {
    let matches = 0;
    const units = await engine.readUnits('retained', async () => {
      matches = (await store.match(filter)).length;
    });
    return { matches, units };
  }

  it.each([
    ['a/b', 1],
    ['a/#', 601],
    ['a/+/c', 40],
    ['+/x', 50],
    ['+/+/state', 3749],
    ['site-7/#', 88],
    ['site-7/+/state', 75],
  ])('costs at most 2 read units per match of %s', async (filter, expected) => {
    const { matches, units } = await costOf(filter);

    expect(matches).toBe(expected);
    expect(units).toBeLessThanOrEqual(2 * matches);
  });

  it.each(['nothing/here', 'nothing/#', 'nothing/+/c', '+/nothing'])(
    'costs at most 2 where nothing matches %s',
    async (filter) => {
      const { matches, units } = await costOf(filter);

      expect(matches).toBe(0);
      expect(units).toBeLessThanOrEqual(2);
    },
  );

  /**
   * Known costs of only two indexes. The bound does not hold where non-matching rows are read and left out:
   * - `a/+` above deep trees, and `+/c` or `a/+/c` where many more topics end in `c` at other depths: 4 KB of them per
   * unit;
   * - filters with wildcards at both ends (`+`, `#`, `+/+`, `+/b/+`): at least one query per first level ever used;
   * - messages and topics above some 4 KB, which take more than a unit each.
   */
  it.each([
    ['site-8/+', 1],
    ['+/c', 0],
    ['+', 0],
  ])('reads past what does not match for %s', async (filter, expected) => {
    const { matches, units } = await costOf(filter);

    expect(matches).toBe(expected);
    expect(units).toBeGreaterThan(5);
    expect(units).toBeLessThan(60);
  });
});
