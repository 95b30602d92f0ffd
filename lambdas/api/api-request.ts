/** What is asked, as far as HTTP says it. */
export interface ApiRequest {
  /** Route key of API Gateway. */
  readonly route: string;
  /** Of the path, decoded. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Decoded. */
  readonly query: Readonly<Record<string, string>>;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
  readonly requestId: string;
  readonly caller: Caller;
}

/** Who asks, as IAM says. */
export interface Caller {
  readonly arn: string;
  /** The same for every session of a role. */
  readonly principal: string;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body?: unknown;
}
