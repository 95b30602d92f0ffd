import type { DynamoDbUsage } from '../bill';
import type { Rule } from '../fault-rules';

/** DynamoDB as the rest of the cloud sees it; calls go to its endpoint. */
export interface DynamoDb {
  /** Resolves when the faults hold. */
  setRules(rules: readonly Rule[]): Promise<void>;
  usage(): Promise<DynamoDbUsage>;
  /** Counts the usage anew. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

export interface StartedDynamoDb {
  readonly dynamoDb: DynamoDb;
  /** Its address. */
  readonly endpoint: string;
}
