import type { DynamoDBClient, WriteRequest } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type Item, readAll, readTables, writeAll } from '../../lambdas/storage/dynamo';

interface BatchInput {
  readonly RequestItems: Record<string, WriteRequest[] & { Keys: Item[]; ConsistentRead: boolean }>;
}

/** A fake of the SDK's client: embedded engines always process whole batches, DynamoDB does not. */
function clientThat(answers: (input: BatchInput, call: number) => unknown) {
  const inputs: BatchInput[] = [];
  const send = async ({ input }: { input: BatchInput }) => {
    inputs.push(input);
    return answers(input, inputs.length);
  };
  return { db: { send } as unknown as DynamoDBClient, inputs };
}

const key = (id: number): Item => ({ id: { S: `${id}` } });
const keys = (count: number) => Array.from({ length: count }, (_, id) => key(id));
const deletes = (count: number): WriteRequest[] => keys(count).map((Key) => ({ DeleteRequest: { Key } }));

describe('batches', () => {
  beforeEach(() => {
    jest.spyOn(Math, 'random').mockReturnValue(0); // no backoff
  });

  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('of writes hold 25 at most', async () => {
    const { db, inputs } = clientThat(() => ({}));

    await writeAll(db, 'table', deletes(60));

    expect(inputs.map(({ RequestItems }) => RequestItems.table?.length)).toEqual([25, 25, 10]);
    expect(inputs.flatMap(({ RequestItems }) => [...RequestItems.table!])).toEqual(deletes(60));
  });

  it('write again what was not processed, and only that', async () => {
    const { db, inputs } = clientThat(({ RequestItems }) => ({
      UnprocessedItems: RequestItems.table!.length > 3 ? { table: RequestItems.table!.slice(5) } : {},
    }));

    await writeAll(db, 'table', deletes(12));

    expect(inputs.map(({ RequestItems }) => RequestItems.table?.length)).toEqual([12, 7, 2]);
    expect(inputs[2]?.RequestItems.table).toEqual(deletes(12).slice(10));
  });

  it('fail when something is never written', async () => {
    const { db } = clientThat(({ RequestItems }) => ({ UnprocessedItems: RequestItems }));

    await expect(writeAll(db, 'table', deletes(2))).rejects.toThrow('2 writes to table were not processed');
  });

  it('of nothing are not sent', async () => {
    const { db, inputs } = clientThat(() => ({}));

    await writeAll(db, 'table', []);

    expect(await readAll(db, 'table', [])).toEqual([]);
    expect(inputs).toEqual([]);
  });

  it('of reads hold 100 at most, and are consistent', async () => {
    const { db, inputs } = clientThat(({ RequestItems }) => ({ Responses: { table: RequestItems.table!.Keys } }));

    expect(await readAll(db, 'table', keys(230))).toEqual(keys(230));

    expect(inputs.map(({ RequestItems }) => RequestItems.table?.Keys.length)).toEqual([100, 100, 30]);
    expect(inputs.every(({ RequestItems }) => RequestItems.table?.ConsistentRead)).toBe(true);
  });

  it('read again what was not processed, in every table, and keep what was', async () => {
    const { db, inputs } = clientThat(({ RequestItems }) => {
      const halves = Object.entries(RequestItems).map(
        ([table, { Keys }]) => [table, Keys, Math.ceil(Keys.length / 2)] as const,
      );
      const left = halves.filter(([, Keys, half]) => half < Keys.length);
      return {
        Responses: Object.fromEntries(halves.map(([table, Keys, half]) => [table, Keys.slice(0, half)])),
        UnprocessedKeys: Object.fromEntries(
          left.map(([table, Keys, half]) => [table, { Keys: Keys.slice(half), ConsistentRead: true }]),
        ),
      };
    });

    expect(await readTables(db, { one: keys(3), other: keys(9) })).toEqual({ one: keys(3), other: keys(9) });

    expect(inputs.at(-1)?.RequestItems).toEqual({ other: { Keys: [key(8)], ConsistentRead: true } });
    expect(inputs).toHaveLength(4);
  });

  it('fail when something is never read', async () => {
    const { db } = clientThat(({ RequestItems }) => ({ UnprocessedKeys: RequestItems }));

    await expect(readAll(db, 'table', keys(2))).rejects.toThrow('reads from table were not processed');
  });
});
