import type { Meter } from '../bill';
import type { Connection } from './connection';
import { messageLimit } from './gateway';

export interface ConnectionsResponse {
  readonly status: number;
  /** Name of the exception, in a header that the SDKs read. */
  readonly error?:
    | 'GoneException'
    | 'PayloadTooLargeException'
    | 'LimitExceededException'
    | 'ForbiddenException'
    | 'InternalServerError';
  readonly body?: unknown;
}

const gone: ConnectionsResponse = { status: 410, error: 'GoneException' };
const tooLarge: ConnectionsResponse = { status: 413, error: 'PayloadTooLargeException' };
export const limitExceeded: ConnectionsResponse = { status: 429, error: 'LimitExceededException' };

/** The @connections API: PostToConnection, GetConnection and DeleteConnection. */
export class ConnectionsApi {
  constructor(
    private readonly connections: ReadonlyMap<string, Connection>,
    private readonly meter: Meter,
  ) {}

  run(operation: string, connectionId: string, payload: Buffer): ConnectionsResponse {
    const connection = this.connections.get(connectionId);
    if (!connection) return gone;
    if (operation === 'GetConnection') return { status: 200, body: describe(connection) };
    if (operation === 'PostToConnection') return this.post(connection, payload);
    connection.close(1000);
    return { status: 204 };
  }

  private post(connection: Connection, payload: Buffer): ConnectionsResponse {
    if (payload.length > messageLimit) return tooLarge;
    if (connection.backlogged) return limitExceeded; // API Gateway: also means that the client's buffer is full.
    connection.send(payload);
    this.meter.post(payload.length);
    return { status: 200 };
  }
}

function describe({ connectedAt, lastActiveAt, sourceIp, userAgent }: Connection) {
  return {
    connectedAt: new Date(connectedAt).toISOString(),
    lastActiveAt: new Date(lastActiveAt).toISOString(),
    identity: { sourceIp, userAgent },
  };
}
