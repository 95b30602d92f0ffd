import type { DynamoDbUsage } from '../bill';
import type { Rule } from '../fault-rules';
import type { DynamoDb } from './dynamodb';
import type { DynamoDbEndpoint } from './endpoint';

/** DynamoDB in this thread. Code that an earlier cloud of this process has used is already compiled. */
export class DynamoDbInProcess implements DynamoDb {
  constructor(private readonly endpoint: DynamoDbEndpoint) {}

  async setRules(rules: readonly Rule[]): Promise<void> {
    this.endpoint.front.rules = rules;
  }

  async usage(): Promise<DynamoDbUsage> {
    return structuredClone(this.endpoint.front.usage); // the original continues to count
  }

  async reset(): Promise<void> {
    this.endpoint.front.usage = {};
  }

  async stop(): Promise<void> {
    const { server } = this.endpoint;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }
}
