import type { PutItemCommandInput } from '@aws-sdk/client-dynamodb';
import type { ItemWriter } from '../dynamodb';
import { dynamoDbService, toDynamoDbJson } from './dynamodb-json';
import { JsonClient, type LeanClientOptions } from './json-client';

/** Puts single items without the SDK. The module loads no code of it, commands included (ADR 0010). */
export class LeanItemWriter implements ItemWriter {
  private readonly client: JsonClient;

  constructor(options: LeanClientOptions) {
    this.client = new JsonClient(dynamoDbService, options);
  }

  async putItem(input: PutItemCommandInput): Promise<void> {
    await this.client.call('PutItem', toDynamoDbJson(input));
  }
}
