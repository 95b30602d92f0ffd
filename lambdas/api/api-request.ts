/** A request to the HTTP API, independent of the event format of API Gateway. */
export interface ApiRequest {
  /** Route key of API Gateway. */
  readonly route: string;
  /** Path parameters, decoded. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Query parameters, decoded. */
  readonly query: Readonly<Record<string, string>>;
  /** Headers by name in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
  readonly requestId: string;
  readonly caller: Caller;
}

/** The caller as IAM identified it. */
export interface Caller {
  readonly arn: string;
  /** The same for every session of a role. */
  readonly principal: string;
}

export interface ApiResponse<Body = unknown> {
  readonly status: number;
  readonly body?: Body;
}
