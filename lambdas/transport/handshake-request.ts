import type { APIGatewayProxyWebsocketEventV2 } from 'aws-lambda';
import type { HandshakeRequest } from '../broker/connect/handshake';

/** The event of `$connect`. The type in @types/aws-lambda lacks the properties that only this route has. */
export type ConnectEvent = APIGatewayProxyWebsocketEventV2 & {
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly queryStringParameters?: Readonly<Record<string, string | undefined>>;
};

/** A browser can set no header but the subprotocols, so one of these may carry the token. No subprotocol has this prefix. */
const bearerPrefix = 'bearer.';

/** Reads the handshake of a client. A token in a header takes precedence over one in the query. */
export function toHandshakeRequest({
  headers = {},
  queryStringParameters,
  requestContext,
}: ConnectEvent): HandshakeRequest {
  const offered = (headerIn(headers, 'sec-websocket-protocol') ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const token =
    bearerIn(headerIn(headers, 'authorization')) ??
    offered.find((name) => name.startsWith(bearerPrefix))?.slice(bearerPrefix.length) ??
    queryStringParameters?.access_token; // RFC 6750 section 2.3
  return {
    connectionId: requestContext.connectionId,
    subprotocols: offered.filter((name) => !name.startsWith(bearerPrefix)),
    ...(token !== undefined && { token }),
  };
}

/** RFC 6750 section 2.1. The scheme is not case-sensitive; other schemes are ignored. */
function bearerIn(authorization: string | undefined): string | undefined {
  return /^bearer +(.+)$/i.exec(authorization ?? '')?.[1];
}

/** API Gateway keeps the case of the client's header names. */
function headerIn(headers: Readonly<Record<string, string | undefined>>, wanted: string): string | undefined {
  return Object.entries(headers).find(([name]) => name.toLowerCase() === wanted)?.[1];
}
