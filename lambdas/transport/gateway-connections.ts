import { pauseBefore, repeatWhile } from '../aws/retries';
import type { ConnectionDescriber } from '../broker/ports/connection-store';
import type { Connections, PostResult } from '../broker/ports/gateway';
import { formatFrame } from '../protocol/frames';

/** Further attempts at a connection that is throttled or whose client reads slowly; the pauses between them are up to 0.8 s. */
const attempts = 5;

/** Attempts at closing a connection, which does no harm when it is done twice. */
const closingAttempts = 5;

/**
 * The methods of the @connections API. Each makes one attempt, since nobody can tell whether one without an answer took
 * effect; the result is the HTTP status, or undefined when no answer came.
 */
export interface ConnectionsClient extends ConnectionDescriber {
  /** Posts a text frame to a connection. */
  post(connectionId: string, data: Buffer): Promise<number | undefined>;
  /** Closes a connection. */
  delete(connectionId: string): Promise<number | undefined>;
}

/** The @connections API of the stage. */
export class GatewayConnections implements Connections {
  /** `onThrottle` is told of every answer 429. */
  constructor(
    private readonly client: ConnectionsClient,
    private readonly onThrottle: () => void = () => {},
  ) {}

  async post(connectionId: string, bytes: Buffer): Promise<PostResult> {
    const result = meaningOf(await this.client.post(connectionId, Buffer.from(formatFrame(bytes))));
    if (isBusy(result)) this.onThrottle();
    return result;
  }

  async postWithRetries(connectionId: string, bytes: Buffer): Promise<PostResult> {
    await pauseBefore(2);
    return repeatWhile(isBusy, attempts, () => this.post(connectionId, bytes));
  }

  async close(connectionId: string): Promise<'closed' | 'gone'> {
    const status = await repeatWhile(isPassing, closingAttempts, () => this.client.delete(connectionId));
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

/** Throttled, failed on the gateway's side, or no answer at all. */
function isPassing(status: number | undefined): boolean {
  return status === undefined || status === 429 || status >= 500;
}
