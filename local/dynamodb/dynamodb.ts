import type { DynamoDbUsage } from '../bill';
import type { Rule } from '../fault-rules';
import type { HttpRequest, Reply } from '../http-exchange';

/** DynamoDB as the rest of the cloud controls it; calls go to its endpoint. */
export interface DynamoDb {
  /** Resolves when the faults are in effect. */
  setRules(rules: readonly Rule[]): Promise<void>;
  usage(): Promise<DynamoDbUsage>;
  /** Resets the usage. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

export interface StartedDynamoDb {
  readonly dynamoDb: DynamoDb;
  /** URL of the endpoint. */
  readonly endpoint: string;
  /** Handler of the endpoint, if it runs in this thread. */
  readonly respond?: (request: HttpRequest) => Promise<Reply>;
}
