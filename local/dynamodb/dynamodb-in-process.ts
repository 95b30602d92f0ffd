import type { DynamoDbUsage } from '../bill';
import type { Rule } from '../fault-rules';
import type { DynamoDb } from './dynamodb';
import type { DynamoDbEndpoint } from './endpoint';

/** DynamoDB in this thread. Code that an earlier cloud of this process has used is already compiled. */
export class DynamoDbInProcess implements DynamoDb {
  constructor(private readonly opened: DynamoDbEndpoint) {}

  async setRules(rules: readonly Rule[]): Promise<void> {
    this.opened.front.rules = rules;
  }

  async usage(): Promise<DynamoDbUsage> {
    return structuredClone(this.opened.front.usage); // the original continues to count
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
