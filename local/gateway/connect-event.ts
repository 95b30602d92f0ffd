import type { IncomingMessage } from 'node:http';
import { gatewayId } from './request-id';

export interface ConnectEventProps {
  readonly request: IncomingMessage;
  /** Connection id. */
  readonly id: string;
  readonly connectedAt: number;
  readonly port: number;
}

/** Name of the stage, which is the path of the endpoint. */
export const stage = 'mqtt';

/** Returns the `$connect` event of API Gateway. */
export function connectEvent({ request, id, connectedAt, port }: ConnectEventProps) {
  const requestId = gatewayId();
  return {
    ...headersOf(request.rawHeaders),
    ...queryOf(new URL(request.url!, 'ws://localhost').searchParams),
    requestContext: {
      routeKey: '$connect',
      eventType: 'CONNECT',
      extendedRequestId: requestId,
      requestTime: requestTime(connectedAt),
      messageDirection: 'IN',
      stage,
      connectedAt,
      requestTimeEpoch: connectedAt,
      identity: { userAgent: request.headers['user-agent'] ?? null, sourceIp: request.socket.remoteAddress ?? '' },
      requestId,
      domainName: `127.0.0.1:${port}`,
      connectionId: id,
      apiId: 'local',
    },
    isBase64Encoded: false,
  };
}

/** Names keep the case of the client. */
function headersOf(rawHeaders: readonly string[]) {
  const headers: Record<string, string> = {};
  const multiValueHeaders: Record<string, string[]> = {};
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!;
    headers[name] = rawHeaders[index + 1]!;
    multiValueHeaders[name] = [...(multiValueHeaders[name] ?? []), rawHeaders[index + 1]!];
  }
  return { headers, multiValueHeaders };
}

/** Returns no fields without a query. The last one of several values counts. */
function queryOf(parameters: URLSearchParams) {
  if (parameters.size === 0) return {};
  const queryStringParameters = Object.fromEntries(parameters);
  const names = Object.keys(queryStringParameters);
  const multiValueQueryStringParameters = Object.fromEntries(names.map((name) => [name, parameters.getAll(name)]));
  return { queryStringParameters, multiValueQueryStringParameters };
}

/** Formats a time like `09/Mar/2026:16:04:05 +0000`. */
function requestTime(time: number): string {
  const [, day, month, year, clock] = new Date(time).toUTCString().split(/,? /);
  return `${day}/${month}/${year}:${clock} +0000`;
}
