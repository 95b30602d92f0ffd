import type { DynamoDBClient, PutItemCommandInput } from '@aws-sdk/client-dynamodb';

/** Client of DynamoDB as the stores use it. It takes the SDK's commands and throws the SDK's errors. */
export type DynamoDb = Pick<DynamoDBClient, 'send'>;

/** The one operation of the handshake. It needs none of the SDK's commands, so its bundle stays small. */
export interface ItemWriter {
  putItem(input: PutItemCommandInput): Promise<void>;
}
