/** `busy`: not sent, another attempt may succeed. `too large`: not sent, and no attempt will succeed. `unknown`: perhaps sent. */
export type PostResult = 'sent' | 'gone' | 'busy' | 'too large' | 'unknown';

/** The @connections API of API Gateway. */
export interface Connections {
  /** Makes one attempt, so that the turn does not wait for a client that does not read. */
  post(connectionId: string, bytes: Buffer): Promise<PostResult>;
  /** Makes further attempts for about a second while the gateway is `busy`. */
  postWithRetries(connectionId: string, bytes: Buffer): Promise<PostResult>;
  /** Closes a connection; `gone` if its client had left already. */
  close(connectionId: string): Promise<'closed' | 'gone'>;
}
