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
import type { DynamoDb } from '../aws/lean-dynamodb';
import { type Backoff, backoffMs } from '../shared/backoff';
import { together } from '../shared/parallel';

export type Item = Record<string, AttributeValue>;

/** DynamoDB: at most 25 writes and 100 reads in one batch. */
const writesPerBatch = 25;
const readsPerBatch = 100;
const attempts = 8;
const backoff: Backoff = { firstMs: 50, maxMs: 2_000, jitter: 1 };
/** Conditional deletions made at the same time. */
const parallelDeletions = 50;

/** Whether the condition of a write was not met: an answer, not a failure. */
export function conditionFailed(error: unknown): boolean {
  return error instanceof ConditionalCheckFailedException;
}

/** Puts and deletes any number of distinct items; returns when all are written. */
export async function writeAll(db: DynamoDb, table: string, requests: WriteRequest[]): Promise<void> {
  await together(chunks(requests, writesPerBatch).map((chunk) => writeChunk(db, table, chunk)));
}

/** Deletes items whose conditions hold, which no batch can do; returns for each whether it did. */
export async function deleteWhere(db: DynamoDb, deletions: DeleteItemCommandInput[]): Promise<boolean[]> {
  const results: boolean[] = [];
  for (const chunk of chunks(deletions, parallelDeletions)) {
    results.push(...(await together(chunk.map((deletion) => deleteOne(db, deletion)))));
  }
  return results;
}

async function deleteOne(db: DynamoDb, deletion: DeleteItemCommandInput): Promise<boolean> {
  try {
    await db.send(new DeleteItemCommand(deletion));
    return true;
  } catch (error) {
    if (conditionFailed(error)) return false;
    throw error;
  }
}

/** Tries each batch once, and returns what is not known to be written. */
export async function writeOnce(db: DynamoDb, table: string, requests: WriteRequest[]): Promise<WriteRequest[]> {
  const left = await together(
    chunks(requests, writesPerBatch).map((chunk) =>
      db.send(new BatchWriteItemCommand({ RequestItems: { [table]: chunk } })).then(
        (answer: BatchWriteItemCommandOutput) => answer.UnprocessedItems?.[table] ?? [],
        () => chunk,
      ),
    ),
  );
  return left.flat();
}

async function writeChunk(db: DynamoDb, table: string, requests: WriteRequest[]): Promise<void> {
  let left: WriteRequest[] | undefined = requests;
  for (let attempt = 0; left?.length; attempt++) {
    if (attempt === attempts) throw new Error(`${left.length} writes to ${table} were not processed`);
    if (attempt > 0) await sleep(backoffMs(attempt, backoff));
    const command = new BatchWriteItemCommand({ RequestItems: { [table]: left } });
    const answer: BatchWriteItemCommandOutput = await db.send(command);
    left = answer.UnprocessedItems?.[table];
  }
}

/** Reads any number of distinct keys, consistently, in no particular order; only some attributes where `projection` names them. */
export async function readAll(db: DynamoDb, table: string, keys: Item[], projection?: string): Promise<Item[]> {
  const answers = await together(
    chunks(keys, readsPerBatch).map((chunk) => readTables(db, { [table]: chunk }, projection)),
  );
  return answers.flatMap((answer) => answer[table] ?? []);
}

/** Reads at most 100 distinct keys of several tables in one call, consistently. */
export async function readTables(
  db: DynamoDb,
  keys: Record<string, Item[]>,
  projection?: string,
): Promise<Record<string, Item[]>> {
  const items: Record<string, Item[]> = {};
  let left: KeysByTable | undefined = consistently(keys, projection);
  for (let attempt = 0; left && Object.keys(left).length > 0; attempt++) {
    if (attempt === attempts) throw new Error(`reads from ${Object.keys(left).join(', ')} were not processed`);
    if (attempt > 0) await sleep(backoffMs(attempt, backoff));
    const answer: BatchGetItemCommandOutput = await db.send(new BatchGetItemCommand({ RequestItems: left }));
    for (const [table, found] of Object.entries(answer.Responses ?? {})) {
      items[table] = [...(items[table] ?? []), ...found];
    }
    left = answer.UnprocessedKeys;
  }
  return items;
}

type KeysByTable = Record<string, KeysAndAttributes>;

function consistently(keys: Record<string, Item[]>, projection: string | undefined): KeysByTable {
  const how = { ConsistentRead: true, ...(projection === undefined ? {} : { ProjectionExpression: projection }) };
  return Object.fromEntries(Object.entries(keys).map(([table, Keys]) => [table, { Keys, ...how }]));
}

/** All pages of a consistent query. */
export async function* pages(db: DynamoDb, query: QueryCommandInput): AsyncGenerator<Item[]> {
  let start: Item | undefined;
  do {
    const page = await db.send(new QueryCommand({ ...query, ConsistentRead: true, ExclusiveStartKey: start }));
    yield page.Items ?? [];
    start = page.LastEvaluatedKey;
  } while (start);
}

/** All items of a consistent query. */
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
