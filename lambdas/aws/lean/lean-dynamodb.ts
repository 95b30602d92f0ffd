import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { DynamoDbJson } from './dynamodb-json';
import { type LeanClientOptions, ServiceError } from './json-client';

/** What the stores ask of a client of DynamoDB. The SDK's own client is one. */
export type DynamoDb = Pick<DynamoDBClient, 'send'>;

/** Names of the operations. Those of the classes do not survive minification. */
const operations = new Map<unknown, string>([
  [BatchGetItemCommand, 'BatchGetItem'],
  [BatchWriteItemCommand, 'BatchWriteItem'],
  [DeleteItemCommand, 'DeleteItem'],
  [GetItemCommand, 'GetItem'],
  [PutItemCommand, 'PutItem'],
  [QueryCommand, 'Query'],
  [ScanCommand, 'Scan'],
  [UpdateItemCommand, 'UpdateItem'],
]);

interface Command {
  readonly input: object;
}

/** Sends the SDK's own commands by the small client (ADR 0010). */
export class LeanDynamoDb {
  private readonly json: DynamoDbJson;

  constructor(options: LeanClientOptions) {
    this.json = new DynamoDbJson(options);
  }

  /** Has the signature of the SDK's `send` for those who hold it as a `DynamoDb`. */
  readonly send = (async (command: Command): Promise<unknown> => {
    const operation = operations.get(command.constructor);
    if (!operation) throw new Error(`${command.constructor.name} is not among the commands of the stores`);
    try {
      return await this.json.call(operation, command.input);
    } catch (error) {
      throw asInSdk(error);
    }
  }) as DynamoDb['send'];
}

/** A condition that was not met is told by the class of its error. */
function asInSdk(error: unknown): unknown {
  if (!(error instanceof ServiceError) || error.name !== 'ConditionalCheckFailedException') return error;
  return new ConditionalCheckFailedException({
    message: error.message,
    $metadata: { httpStatusCode: error.status },
  });
}
