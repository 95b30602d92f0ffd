import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { WebAccess } from '../clients/web-access';
import type { AwsEndpoint } from './aws-endpoint';
import type { ConsolePage } from './console-page';
import type { ControlApi } from './control-api';
import type { Gateway } from './gateway/gateway';
import type { HttpApi } from './http-api/http-api';
import { jsonType, readRequest, sendReply, TooLargeError } from './http-exchange';

export interface HttpRooms {
  readonly gateway: Gateway;
  readonly aws: AwsEndpoint;
  readonly api: HttpApi;
  readonly control: ControlApi;
  /** Absent when no console is served. */
  readonly console: ConsolePage | undefined;
  /** Host names of the server, and origins of pages that may send requests to it. */
  readonly access: WebAccess;
  /** The same for connections to the gateway. */
  readonly pages: WebAccess;
}

/**
 * Creates one HTTP server for WebSocket handshakes, AWS calls, the API for backends, the control API and the console.
 */
export function createHttpServer(rooms: HttpRooms): Server {
  const server = createServer((request, response) => {
    serve(rooms, request, response).catch((error) => fail(response, error));
  });
  server.keepAliveTimeout = 0; // A frozen container does not notice that its idle socket was closed.
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => {}); // The client may leave while it is refused, or while `$connect` runs.
    const problem = rooms.pages.problemOf(request.headers);
    if (problem !== undefined) socket.end(refusal(problem), () => socket.destroy());
    else rooms.gateway.upgrade(request, socket, head).catch(() => socket.destroy());
  });
  return server;
}

async function serve(rooms: HttpRooms, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { aws, api, control, console, access } = rooms;
  const problem = access.problemOf(request.headers);
  if (problem !== undefined) return sendMessage(response, 403, JSON.stringify({ message: problem }));
  const exchange = await readRequest(request);
  const { method, url, body } = exchange;
  if (!url.startsWith('/'))
    return sendMessage(response, 400, '{"message":"the target of a request begins with a slash"}');
  const reply = aws.respondIfSigned(exchange);
  if (reply) return sendReply(response, await reply);
  if (await api.handle(request, response, body)) return;
  if (console?.handle(method, url, response)) return;
  const found = await control.respond(exchange);
  sendReply(response, found ?? { status: 404, headers: jsonType, body: '{"message":"not found"}' });
}

function sendMessage(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, jsonType).end(body);
}

/** Refuses a request that cannot be handled, so that it affects no other request. */
function fail(response: ServerResponse, error: unknown): void {
  if (response.headersSent) response.destroy();
  else sendMessage(response, error instanceof TooLargeError ? 413 : 400, JSON.stringify({ message: String(error) }));
}

function refusal(problem: string): string {
  return `HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: ${Buffer.byteLength(problem)}\r\n\r\n${problem}`;
}
