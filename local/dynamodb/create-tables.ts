import { setTimeout as sleep } from 'node:timers/promises';
import { type TableSchema, tables } from '../../lambdas/storage/schema';
import type { Backend, DynamoDbResponse } from './backend';
import { localAuthorization } from './local-authorization';

/** Milliseconds that a table may take to become active. */
const maxCreationMilliseconds = 30_000;

/**
 * Creates the missing tables of the schema. Resolves when all are active and have the keys of the schema.
 *
 * @throws Error with the failed call and its response
 */
export async function createTables(backend: Backend, deployedName: (table: string) => string): Promise<void> {
  const all = Object.entries(tables).map(([table, schema]) => [deployedName(table), schema] as const);
  for (const [name, schema] of all) await create(backend, name, schema);
  for (const [name, schema] of all) await activate(backend, name, schema);
}

async function create(backend: Backend, name: string, schema: TableSchema): Promise<void> {
  const call = { operation: 'CreateTable', table: name } as const;
  const response = await send(backend, call, createTable(name, schema));
  const isCreated = response.status === 200 && parseObject(response.body).TableDescription !== undefined;
  if (!isCreated && !response.body.includes('ResourceInUseException')) throw failed(call, response);
}

/** Waits until the table is active. */
async function activate(backend: Backend, name: string, schema: TableSchema): Promise<void> {
  const limit = Date.now() + maxCreationMilliseconds;
  const call = { operation: 'DescribeTable', table: name } as const;
  for (let pause = 1; ; pause = Math.min(2 * pause, 250)) {
    const response = await send(backend, call, { TableName: name });
    const { Table } = parseObject(response.body);
    if (response.status !== 200 || Table === undefined) throw failed(call, response);
    checkKeys(name, schema, Table.KeySchema ?? []);
    if (Table.TableStatus === 'ACTIVE') return;
    if (Date.now() > limit)
      throw new Error(`table ${name} is still ${Table.TableStatus} after ${maxCreationMilliseconds / 1000} s`);
    await sleep(pause);
  }
}

function checkKeys(name: string, schema: TableSchema, keys: readonly { AttributeName: string }[]): void {
  const found = keys.map(({ AttributeName }) => AttributeName).join(', ');
  const needed = keyNames(schema).join(', ');
  if (found !== needed) throw new Error(`table ${name} has the key ${found}, but must have ${needed}`);
}

interface TableCall {
  readonly operation: 'CreateTable' | 'DescribeTable';
  readonly table: string;
}

async function send(backend: Backend, { operation, table }: TableCall, input: object): Promise<DynamoDbResponse> {
  try {
    return await backend({
      target: `DynamoDB_20120810.${operation}`,
      body: JSON.stringify(input),
      authorization: localAuthorization,
    });
  } catch (error) {
    throw new Error(`${operation} of ${table}: ${(error as Error).message}`, { cause: error });
  }
}

interface TableOutput {
  readonly TableDescription?: object;
  readonly Table?: { readonly TableStatus?: string; readonly KeySchema?: readonly { AttributeName: string }[] };
  readonly __type?: string;
  readonly message?: string;
  readonly Message?: string;
}

/** Parses a response. An unknown endpoint may respond with anything. */
function parseObject(body: string): TableOutput {
  try {
    return Object(JSON.parse(body)) as TableOutput;
  } catch {
    return {};
  }
}

function failed({ operation, table }: TableCall, { status, body }: DynamoDbResponse): Error {
  const { __type = '', message = '', Message = message } = parseObject(body);
  const name = __type.slice(__type.lastIndexOf('#') + 1);
  return new Error(`${operation} of ${table}: ${status} ${name === '' ? body.slice(0, 200) : `${name}: ${Message}`}`);
}

function createTable(name: string, schema: TableSchema): object {
  const names = keyNames(schema);
  return {
    TableName: name,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: names.map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
    KeySchema: names.map((AttributeName, index) => ({ AttributeName, KeyType: index === 0 ? 'HASH' : 'RANGE' })),
  };
}

function keyNames({ partitionKey, sortKey }: TableSchema): readonly string[] {
  return sortKey === undefined ? [partitionKey] : [partitionKey, sortKey];
}
