import { PutItemCommand, type PutItemCommandInput } from '@aws-sdk/client-dynamodb';
import type { DynamoDb, ItemWriter } from '../dynamodb';

/** Puts single items through the SDK's client. */
export class SdkItemWriter implements ItemWriter {
  constructor(private readonly client: DynamoDb) {}

  async putItem(input: PutItemCommandInput): Promise<void> {
    await this.client.send(new PutItemCommand(input));
  }
}
