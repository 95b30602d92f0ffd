/** A DynamoDB request or answer, apart from HTTP. */
export interface DynamoDbRequest {
  /** `DynamoDB_20120810.GetItem` */
  readonly target: string;
  readonly body: string;
  readonly authorization: string;
}

export interface DynamoDbAnswer {
  readonly status: number;
  readonly body: string;
}

/** Something that speaks DynamoDB. */
export type Backend = (request: DynamoDbRequest) => Promise<DynamoDbAnswer>;
