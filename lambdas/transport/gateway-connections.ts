import type { ConnectionsApi } from '../aws/connections-api';
import { pauseBefore, repeatWhile } from '../aws/retries';
import type { Connections, PostResult } from '../broker/ports/gateway';
import { formatFrame } from '../protocol/frames';

/** Further attempts at a connection that is throttled or whose client reads slowly. The pauses between them are up to 0.8 s. */
const maxPostAttempts = 5;

/** Attempts at closing a connection. Closing it twice does no harm. */
const maxCloseAttempts = 5;

/** Posts to the connections of a stage and closes them. */
export class GatewayConnections implements Connections {
  /** `onThrottle` is called for every response 429. */
  constructor(
    private readonly client: ConnectionsApi,
    private readonly onThrottle: () => void = () => {},
  ) {}

  async post(connectionId: string, bytes: Buffer): Promise<PostResult> {
    const result = toPostResult(await this.client.post(connectionId, Buffer.from(formatFrame(bytes))));
    if (isBusy(result)) this.onThrottle();
    return result;
  }

  async postWithRetries(connectionId: string, bytes: Buffer): Promise<PostResult> {
    await pauseBefore(2);
    return repeatWhile(isBusy, maxPostAttempts, () => this.post(connectionId, bytes));
  }

  async close(connectionId: string): Promise<'closed' | 'gone'> {
    const status = await repeatWhile(isTransient, maxCloseAttempts, () => this.client.delete(connectionId));
    if (status === 410) return 'gone';
    if (isSuccess(status)) return 'closed';
    throw new Error(`connection ${connectionId} was not closed: ${status ?? 'no response'}`);
  }
}

/** 410: the client has left. 413: the frame is above 128 KB. 429: throttled, or the client's buffer is full. */
export function toPostResult(status: number | undefined): PostResult {
  if (status === 200) return 'sent';
  if (status === 410) return 'gone';
  if (status === 413) return 'too large';
  return status === 429 ? 'busy' : 'unknown';
}

function isBusy(result: PostResult): boolean {
  return result === 'busy';
}

/** True if the call was throttled, failed on the gateway's side, or got no response. */
function isTransient(status: number | undefined): boolean {
  return status === undefined || status === 429 || status >= 500;
}

function isSuccess(status: number | undefined): boolean {
  return status !== undefined && status >= 200 && status < 300;
}
