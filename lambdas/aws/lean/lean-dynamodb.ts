import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import type { DynamoDb } from '../dynamodb';
import { dynamoDbService, fromDynamoDbJson, toDynamoDbJson } from './dynamodb-json';
import { JsonClient, type LeanClientOptions, ServiceError } from './json-client';

/** Operation of each command. The names of the classes do not survive minification. */
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

/** Sends the SDK's commands of DynamoDB without the SDK's client (ADR 0010). */
export class LeanDynamoDb {
  private readonly client: JsonClient;

  constructor(options: LeanClientOptions) {
    this.client = new JsonClient(dynamoDbService, options);
  }

  /** Has the type of the SDK's `send`, so that it can be used as a `DynamoDb`. */
  readonly send = (async (command: Command): Promise<unknown> => {
    const operation = operations.get(command.constructor);
    if (!operation) throw new Error(`${command.constructor.name} is not among the commands of the stores`);
    try {
      return fromDynamoDbJson(await this.client.call(operation, toDynamoDbJson(command.input)));
    } catch (error) {
      throw toSdkError(error);
    }
  }) as DynamoDb['send'];
}

/** The stores recognize a failed condition by the class of the error. All other errors keep the service's name. */
function toSdkError(error: unknown): unknown {
  if (!(error instanceof ServiceError) || error.name !== 'ConditionalCheckFailedException') return error;
  return new ConditionalCheckFailedException({
    message: error.message,
    $metadata: { httpStatusCode: error.status },
  });
}
