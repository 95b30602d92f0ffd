/** A DynamoDB request and its response, without HTTP. */
export interface DynamoDbRequest {
  /** For example `DynamoDB_20120810.GetItem`. */
  readonly target: string;
  readonly body: string;
  readonly authorization: string;
}

export interface DynamoDbResponse {
  readonly status: number;
  readonly body: string;
}

/** Any implementation of DynamoDB. */
export type Backend = (request: DynamoDbRequest) => Promise<DynamoDbResponse>;
