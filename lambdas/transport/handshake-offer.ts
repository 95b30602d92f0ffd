import type { APIGatewayProxyWebsocketEventV2 } from 'aws-lambda';
import type { HandshakeRequest } from '../broker/connect/handshake';

/** The event of `$connect`: its type in @types/aws-lambda lacks what only this route has. */
export type ConnectEvent = APIGatewayProxyWebsocketEventV2 & {
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly queryStringParameters?: Readonly<Record<string, string | undefined>>;
};

/** A browser can set no header but the subprotocols, so one of them may carry the token: no name begins like this. */
const bearerPrefix = 'bearer.';

/** What a client brings to the handshake. A header says more on purpose than a query, so it counts first. */
export function toOffer({ headers = {}, queryStringParameters, requestContext }: ConnectEvent): HandshakeRequest {
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

/** RFC 6750 section 2.1; the scheme is not case-sensitive. Another scheme is nothing we are asked to look at. */
function bearerIn(authorization: string | undefined): string | undefined {
  return /^bearer +(.+)$/i.exec(authorization ?? '')?.[1];
}

/** API Gateway hands headers on in the case the client wrote them. */
function headerIn(headers: Readonly<Record<string, string | undefined>>, wanted: string): string | undefined {
  return Object.entries(headers).find(([name]) => name.toLowerCase() === wanted)?.[1];
}
