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

/** The @connections API of the stage. */
export class GatewayConnections implements Connections {
  constructor(private readonly client: ApiGatewayManagementApiClient) {}

  async post(connectionId: string, bytes: Buffer): Promise<PostResult> {
    const command = new PostToConnectionCommand({ ConnectionId: connectionId, Data: Buffer.from(formatFrame(bytes)) });
    for (let attempt = 1; ; attempt++) {
      const result = await this.client.send(command).then(() => 'sent' as const, classify);
      if (result !== 'busy' || attempt === attempts) return result;
      await sleep(Math.random() * Math.min(longestPause, 25 * 2 ** attempt));
    }
  }

  async close(connectionId: string): Promise<void> {
    try {
      await this.client.send(new DeleteConnectionCommand({ ConnectionId: connectionId }));
    } catch (error) {
      if (classify(error) === 'unknown') throw error;
    }
  }
}

/** What a failed call means for the packet. 410: the peer has left. 429: throttled, or the peer's buffer is full. */
export function classify(error: unknown): Exclude<PostResult, 'sent'> {
  if (!(error instanceof ApiGatewayManagementApiServiceException)) return 'unknown';
  const status = error.$metadata.httpStatusCode;
  if (status === 410) return 'gone';
  return status === 429 ? 'busy' : 'unknown';
}
