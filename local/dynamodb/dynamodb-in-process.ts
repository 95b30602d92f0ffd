import type { DynamoDbUsage } from '../bill';
import type { Rule } from '../fault-rules';
import type { DynamoDb } from './dynamodb';
import type { DynamoDbEndpoint } from './endpoint';

/** DynamoDB in this thread, which is warm when it has served another cloud before. */
export class DynamoDbInProcess implements DynamoDb {
  constructor(private readonly opened: DynamoDbEndpoint) {}

  async setRules(rules: readonly Rule[]): Promise<void> {
    this.opened.front.rules = rules;
  }

  async usage(): Promise<DynamoDbUsage> {
    return structuredClone(this.opened.front.usage); // which goes on counting
  }

  async reset(): Promise<void> {
    this.opened.front.usage = {};
  }

  async stop(): Promise<void> {
    const { server } = this.opened;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }
}
