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

/** Tables by the names they are deployed under. */
export type TableNames = Readonly<Record<string, TableName>>;

/** Any command of the SDK: its own types of different commands cannot stand for each other. */
interface Command {
  readonly input: object;
}

/** What an answer may have items in. `Attributes` are of what was written over, which matters no more, or was guarded. */
interface Answer {
  readonly Item?: Item;
  readonly Items?: readonly Item[];
  readonly Responses?: Readonly<Record<string, readonly Item[]>>;
}

/**
 * A client whose items carry their form: what is put is marked, an item of a newer form is not updated, as if its condition were
 * not met, and reading one throws a `NewerFormError`. An update that makes an item sets `v` itself.
 */
export function versioned(db: DynamoDb, tables: TableNames): DynamoDb {
  const send = async (command: Command) => {
    const answer = (await db.send(withForm(command, tables) as Parameters<DynamoDb['send']>[0])) as Answer;
    checkAnswer(answer, command.input, tables);
    return answer;
  };
  return { send: send as DynamoDb['send'] };
}

function withForm(command: Command, tables: TableNames): Command {
  if (command instanceof PutItemCommand) return new PutItemCommand(markedPut(command.input, tables));
  if (command instanceof BatchWriteItemCommand) return new BatchWriteItemCommand(markedBatch(command.input, tables));
  if (command instanceof UpdateItemCommand) return new UpdateItemCommand(guardedUpdate(command.input, tables));
  return command;
}

function markedPut(input: PutItemCommandInput, tables: TableNames): PutItemCommandInput {
  return { ...input, Item: { ...input.Item, ...writtenVersion(tableOf(input.TableName, tables)) } };
}

function markedBatch({ RequestItems = {}, ...rest }: BatchWriteItemCommandInput, tables: TableNames) {
  const marked = Object.entries(RequestItems).map(([name, requests]) => {
    const form = writtenVersion(tableOf(name, tables));
    return [name, requests.map((request) => markedRequest(request, form))];
  });
  return { ...rest, RequestItems: Object.fromEntries(marked) as Record<string, WriteRequest[]> };
}

function markedRequest(request: WriteRequest, form: Item): WriteRequest {
  const { PutRequest } = request;
  return PutRequest ? { PutRequest: { Item: { ...PutRequest.Item, ...form } } } : request;
}

function guardedUpdate(input: UpdateItemCommandInput, tables: TableNames): UpdateItemCommandInput {
  const { ConditionExpression, ExpressionAttributeValues } = input;
  const known = 'NOT v > :newestForm'; // which is true where there is no form
  return {
    ...input,
    ConditionExpression: ConditionExpression ? `${enclosed(ConditionExpression)} AND ${known}` : known,
    ExpressionAttributeValues: {
      ...ExpressionAttributeValues,
      ':newestForm': newestVersion(tableOf(input.TableName, tables)),
    },
  };
}

/** Only where it has to be: the parser of the embedded engine takes five times as long for what is in parentheses. */
function enclosed(condition: string): string {
  return condition.includes(' OR ') ? `(${condition})` : condition;
}

function checkAnswer(
  { Item, Items = [], Responses = {} }: Answer,
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
