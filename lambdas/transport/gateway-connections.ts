import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ApiGatewayManagementApiClient,
  ApiGatewayManagementApiServiceException,
  DeleteConnectionCommand,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi';
import type { Connections, PostResult } from '../broker/ports';
import { formatFrame } from '../protocol/frames';

/** Attempts at a connection that is throttled or whose client reads slowly, and the longest pause, in milliseconds. */
const attempts = 6;
const longestPause = 800;

/** Posts a text frame to a connection; returns the HTTP status, or undefined when no answer came. */
export interface Poster {
  post(connectionId: string, data: Buffer): Promise<number | undefined>;
}

/** The SDK's own way to post. */
export class SdkPoster implements Poster {
  constructor(private readonly client: ApiGatewayManagementApiClient) {}

  post(connectionId: string, data: Buffer): Promise<number | undefined> {
    const command = new PostToConnectionCommand({ ConnectionId: connectionId, Data: data });
    return this.client.send(command).then(() => 200, statusOf);
  }
}

/** The @connections API of the stage. */
export class GatewayConnections implements Connections {
  constructor(
    private readonly client: ApiGatewayManagementApiClient,
    private readonly poster: Poster,
  ) {}

  async post(connectionId: string, bytes: Buffer): Promise<PostResult> {
    const data = Buffer.from(formatFrame(bytes));
    for (let attempt = 1; ; attempt++) {
      const result = meaningOf(await this.poster.post(connectionId, data));
      if (result !== 'busy' || attempt === attempts) return result;
      await sleep(Math.random() * Math.min(longestPause, 25 * 2 ** attempt));
    }
  }

  async close(connectionId: string): Promise<void> {
    try {
      await this.client.send(new DeleteConnectionCommand({ ConnectionId: connectionId }));
    } catch (error) {
      if (statusOf(error) !== 410) throw error;
    }
  }
}

/** What an answer means for the packet. 410: the peer has left. 429: throttled, or the peer's buffer is full. */
export function meaningOf(status: number | undefined): PostResult {
  if (status === 200) return 'sent';
  if (status === 410) return 'gone';
  return status === 429 ? 'busy' : 'unknown';
}

function statusOf(error: unknown): number | undefined {
  return error instanceof ApiGatewayManagementApiServiceException ? error.$metadata.httpStatusCode : undefined;
}
