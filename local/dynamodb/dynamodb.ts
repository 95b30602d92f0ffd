import type { DynamoDbUsage } from '../bill';
import type { Rule } from '../fault-rules';
import type { HttpRequest, Reply } from '../http-exchange';

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
  /** What answers there, if it is in this thread. */
  readonly answer?: (request: HttpRequest) => Promise<Reply>;
}
