/** `busy`: not sent, another attempt may succeed. `too large`: not sent, and no attempt will. `unknown`: perhaps sent. */
export type PostResult = 'sent' | 'gone' | 'busy' | 'too large' | 'unknown';

export interface Connections {
  /** Makes one attempt, so that nobody waits for a client that does not read. */
  post(connectionId: string, bytes: Buffer): Promise<PostResult>;
  /** Makes some more, for a second or so, of which each may be refused as `busy`. */
  postAgain(connectionId: string, bytes: Buffer): Promise<PostResult>;
  /** `gone` when its peer had left already. */
  close(connectionId: string): Promise<'closed' | 'gone'>;
}
