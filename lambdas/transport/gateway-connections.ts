import { repeatWhile } from '../aws/retries';
import type { ConnectionDescriber, Connections, PostResult } from '../broker/ports';
import { formatFrame } from '../protocol/frames';

/** Attempts at a connection that is throttled or whose client reads slowly; the pauses between them are up to 0.8 s. */
const attempts = 6;

/** The methods of the @connections API; each tells the HTTP status, or undefined when no answer came. */
export interface ConnectionsClient extends ConnectionDescriber {
  /** Posts a text frame to a connection, once: nobody can tell whether an attempt without an answer has reached it. */
  post(connectionId: string, data: Buffer): Promise<number | undefined>;
  /** Closes a connection. Closing twice does no harm, so what fails for a moment is tried again. */
  delete(connectionId: string): Promise<number | undefined>;
}

/** The @connections API of the stage. */
export class GatewayConnections implements Connections {
  /** `onThrottle` is told of every answer 429. */
  constructor(
    private readonly client: ConnectionsClient,
    private readonly onThrottle: () => void = () => {},
  ) {}

  post(connectionId: string, bytes: Buffer): Promise<PostResult> {
    const data = Buffer.from(formatFrame(bytes));
    return repeatWhile(isBusy, attempts, async () => {
      const result = meaningOf(await this.client.post(connectionId, data));
      if (isBusy(result)) this.onThrottle();
      return result;
    });
  }

  async close(connectionId: string): Promise<'closed' | 'gone'> {
    const status = await this.client.delete(connectionId);
    const isClosed = status === 410 || (status !== undefined && status >= 200 && status < 300);
    if (!isClosed) throw new Error(`connection ${connectionId} was not closed: ${status ?? 'no answer'}`);
    return status === 410 ? 'gone' : 'closed';
  }
}

/** What an answer means for the packet. 410: the peer has left. 413: above 128 KB. 429: throttled, or the peer's buffer is full. */
export function meaningOf(status: number | undefined): PostResult {
  if (status === 200) return 'sent';
  if (status === 410) return 'gone';
  if (status === 413) return 'too large';
  return status === 429 ? 'busy' : 'unknown';
}

function isBusy(result: PostResult): boolean {
  return result === 'busy';
}
