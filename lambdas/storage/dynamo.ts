import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AttributeValue,
  BatchGetItemCommand,
  type BatchGetItemCommandOutput,
  BatchWriteItemCommand,
  type BatchWriteItemCommandOutput,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DeleteItemCommandInput,
  type KeysAndAttributes,
  QueryCommand,
  type QueryCommandInput,
  type WriteRequest,
} from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/dynamodb';
import { type Backoff, backoffMs } from '../shared/backoff';
import { together } from '../shared/parallel';

export type Item = Record<string, AttributeValue>;

/** DynamoDB: at most 25 writes and 100 reads in one batch. */
const writesPerBatch = 25;
const readsPerBatch = 100;
const maxAttempts = 8;
const backoff: Backoff = { firstMs: 50, maxMs: 2_000, jitter: 1 };
/** Conditional deletions in flight at the same time. */
const parallelDeletions = 50;

/** True when the condition of a write did not hold, which is an expected outcome. */
function conditionFailed(error: unknown): boolean {
  return error instanceof ConditionalCheckFailedException;
}

/** Resolves with the output of a conditional write, or with undefined when its condition does not hold. */
export async function unlessConditionFailed<Output>(write: Promise<Output>): Promise<Output | undefined> {
  try {
    return await write;
  } catch (error) {
    if (conditionFailed(error)) return undefined;
    throw error;
  }
}

/** Puts and deletes any number of distinct items; resolves when all are written. */
export async function writeAll(db: DynamoDb, table: string, requests: WriteRequest[]): Promise<void> {
  await together(chunks(requests, writesPerBatch).map((chunk) => writeChunk(db, table, chunk)));
}

/** Deletes items whose conditions hold, which a batch cannot do. Returns for each item whether it was deleted. */
export async function deleteWhere(db: DynamoDb, deletions: DeleteItemCommandInput[]): Promise<boolean[]> {
  const results: boolean[] = [];
  for (const chunk of chunks(deletions, parallelDeletions)) {
    results.push(...(await together(chunk.map((deletion) => deleteOne(db, deletion)))));
  }
  return results;
}

async function deleteOne(db: DynamoDb, deletion: DeleteItemCommandInput): Promise<boolean> {
  return (await unlessConditionFailed(db.send(new DeleteItemCommand(deletion)))) !== undefined;
}

/** Sends each batch once, and returns the requests that may not be written. */
export async function writeOnce(db: DynamoDb, table: string, requests: WriteRequest[]): Promise<WriteRequest[]> {
  const unwritten = await together(
    chunks(requests, writesPerBatch).map((chunk) =>
      db.send(new BatchWriteItemCommand({ RequestItems: { [table]: chunk } })).then(
        (output: BatchWriteItemCommandOutput) => output.UnprocessedItems?.[table] ?? [],
        () => chunk,
      ),
    ),
  );
  return unwritten.flat();
}

async function writeChunk(db: DynamoDb, table: string, requests: WriteRequest[]): Promise<void> {
  let unprocessed: WriteRequest[] | undefined = requests;
  for (let attempt = 0; unprocessed?.length; attempt++) {
    if (attempt === maxAttempts) throw new Error(`${unprocessed.length} writes to ${table} were not processed`);
    if (attempt > 0) await sleep(backoffMs(attempt, backoff));
    const command = new BatchWriteItemCommand({ RequestItems: { [table]: unprocessed } });
    const output: BatchWriteItemCommandOutput = await db.send(command);
    unprocessed = output.UnprocessedItems?.[table];
  }
}

/** Reads any number of distinct keys with strong consistency, in no particular order. */
export function readAll(db: DynamoDb, table: string, keys: Item[]): Promise<Item[]> {
  return readProjected(db, { table, keys });
}

/** Works like `readAll`, but reads only the attributes in `projection`. */
export async function readProjected(
  db: DynamoDb,
  { table, keys, projection }: { readonly table: string; readonly keys: Item[]; readonly projection?: string },
): Promise<Item[]> {
  const outputs = await together(
    chunks(keys, readsPerBatch).map((chunk) => readTables(db, { [table]: chunk }, projection)),
  );
  return outputs.flatMap((output) => output[table] ?? []);
}

/** Reads at most 100 distinct keys of several tables in one call, with strong consistency. */
export async function readTables(
  db: DynamoDb,
  keys: Record<string, Item[]>,
  projection?: string,
): Promise<Record<string, Item[]>> {
  const items: Record<string, Item[]> = {};
  let unprocessed: KeysByTable | undefined = consistently(keys, projection);
  for (let attempt = 0; unprocessed && Object.keys(unprocessed).length > 0; attempt++) {
    if (attempt === maxAttempts)
      throw new Error(`reads from ${Object.keys(unprocessed).join(', ')} were not processed`);
    if (attempt > 0) await sleep(backoffMs(attempt, backoff));
    const output: BatchGetItemCommandOutput = await db.send(new BatchGetItemCommand({ RequestItems: unprocessed }));
    for (const [table, found] of Object.entries(output.Responses ?? {})) {
      items[table] = [...(items[table] ?? []), ...found];
    }
    unprocessed = output.UnprocessedKeys;
  }
  return items;
}

type KeysByTable = Record<string, KeysAndAttributes>;

function consistently(keys: Record<string, Item[]>, projection: string | undefined): KeysByTable {
  const options = { ConsistentRead: true, ...(projection === undefined ? {} : { ProjectionExpression: projection }) };
  return Object.fromEntries(Object.entries(keys).map(([table, Keys]) => [table, { Keys, ...options }]));
}

/** Yields all pages of a consistent query. */
export async function* pages(db: DynamoDb, query: QueryCommandInput): AsyncGenerator<Item[]> {
  let start: Item | undefined;
  do {
    const page = await db.send(new QueryCommand({ ...query, ConsistentRead: true, ExclusiveStartKey: start }));
    yield page.Items ?? [];
    start = page.LastEvaluatedKey;
  } while (start);
}

/** Returns all items of a consistent query. */
export async function queryAll(db: DynamoDb, query: QueryCommandInput): Promise<Item[]> {
  const items: Item[] = [];
  for await (const page of pages(db, query)) items.push(...page);
  return items;
}

function chunks<T>(list: T[], size: number): T[][] {
  const result: T[][] = [];
  for (let start = 0; start < list.length; start += size) result.push(list.slice(start, start + size));
  return result;
}
