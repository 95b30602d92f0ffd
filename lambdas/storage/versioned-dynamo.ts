import {
  BatchWriteItemCommand,
  type BatchWriteItemCommandInput,
  PutItemCommand,
  type PutItemCommandInput,
  UpdateItemCommand,
  type UpdateItemCommandInput,
  type WriteRequest,
} from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../aws/dynamodb';
import type { Item } from './dynamo';
import type { TableName } from './schema';
import { checkVersion, newestVersion, writtenVersion } from './schema-version';

/** Tables by their deployed names. */
export type TableNames = Readonly<Record<string, TableName>>;

/** Any command of the SDK: the types of its commands are not assignable to each other. */
interface Command {
  readonly input: object;
}

/**
 * Parts of an output that contain items. `Attributes` are not checked: they come from guarded updates, or are being
 * replaced.
 */
interface Output {
  readonly Item?: Item;
  readonly Items?: readonly Item[];
  readonly Responses?: Readonly<Record<string, readonly Item[]>>;
}

/**
 * Wraps a client so that items carry their schema version. It adds the version to put requests, lets updates of an item
 * with a newer version fail like a condition, and throws a `NewerSchemaVersionError` when such an item is read. An
 * update that may create an item sets `v` itself.
 */
export function versioned(db: DynamoDb, tables: TableNames): DynamoDb {
  const send = async (command: Command) => {
    const output = (await db.send(withVersion(command, tables) as Parameters<DynamoDb['send']>[0])) as Output;
    checkOutput(output, command.input, tables);
    return output;
  };
  return { send: send as DynamoDb['send'] };
}

function withVersion(command: Command, tables: TableNames): Command {
  if (command instanceof PutItemCommand) return new PutItemCommand(versionedPut(command.input, tables));
  if (command instanceof BatchWriteItemCommand) return new BatchWriteItemCommand(versionedBatch(command.input, tables));
  if (command instanceof UpdateItemCommand) return new UpdateItemCommand(guardedUpdate(command.input, tables));
  return command;
}

function versionedPut(input: PutItemCommandInput, tables: TableNames): PutItemCommandInput {
  return { ...input, Item: { ...input.Item, ...writtenVersion(tableOf(input.TableName, tables)) } };
}

function versionedBatch({ RequestItems = {}, ...rest }: BatchWriteItemCommandInput, tables: TableNames) {
  const versioned = Object.entries(RequestItems).map(([name, requests]) => {
    const version = writtenVersion(tableOf(name, tables));
    return [name, requests.map((request) => versionedRequest(request, version))];
  });
  return { ...rest, RequestItems: Object.fromEntries(versioned) as Record<string, WriteRequest[]> };
}

function versionedRequest(request: WriteRequest, version: Item): WriteRequest {
  const { PutRequest } = request;
  return PutRequest ? { PutRequest: { Item: { ...PutRequest.Item, ...version } } } : request;
}

function guardedUpdate(input: UpdateItemCommandInput, tables: TableNames): UpdateItemCommandInput {
  const { ConditionExpression, ExpressionAttributeValues } = input;
  const isReadable = '(attribute_not_exists(v) OR v <= :newestVersion)';
  return {
    ...input,
    ConditionExpression: ConditionExpression ? `(${ConditionExpression}) AND ${isReadable}` : isReadable,
    ExpressionAttributeValues: {
      ...ExpressionAttributeValues,
      ':newestVersion': newestVersion(tableOf(input.TableName, tables)),
    },
  };
}

function checkOutput(
  { Item, Items = [], Responses = {} }: Output,
  { TableName }: { readonly TableName?: string },
  tables: TableNames,
): void {
  for (const item of Item ? [Item, ...Items] : Items) checkVersion(tableOf(TableName, tables), item);
  for (const [name, items] of Object.entries(Responses)) {
    for (const item of items) checkVersion(tableOf(name, tables), item);
  }
}

function tableOf(name: string | undefined, tables: TableNames): TableName {
  const table = tables[name ?? ''];
  if (!table) throw new Error(`table ${name} is not among ${Object.keys(tables).join(', ')}`);
  return table;
}
