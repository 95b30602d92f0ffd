/** Source address and last activity of a connection, as GetConnection returns them. */
export interface ConnectionDescription {
  readonly address: string;
  /** ISO 8601. */
  readonly lastActiveAt?: string;
}

/**
 * Client of the @connections API of one stage. Each method makes one attempt, because a call without a response may have
 * taken effect. `post` and `delete` return the HTTP status, or undefined if no response came.
 */
export interface ConnectionsApi {
  /** Posts a text frame to a connection. */
  post(connectionId: string, data: Buffer): Promise<number | undefined>;
  /** Closes a connection. */
  delete(connectionId: string): Promise<number | undefined>;
  /** Returns undefined if API Gateway does not know the connection or does not respond. */
  describe(connectionId: string): Promise<ConnectionDescription | undefined>;
}
