import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AwsEndpoint } from './aws-endpoint';
import type { ConsolePage } from './console-page';
import type { ControlApi } from './control-api';
import type { Gateway } from './gateway/gateway';
import type { HttpApi } from './http-api/http-api';
import { readRequest, sendReply } from './http-exchange';

export interface HttpRooms {
  readonly gateway: Gateway;
  readonly aws: AwsEndpoint;
  readonly api: HttpApi;
  readonly control: ControlApi;
  /** Absent where nobody looks. */
  readonly console: ConsolePage | undefined;
}

/** One HTTP server for the WebSocket handshake, the AWS calls, the API for backends, the control interface and the console. */
export function createHttpServer(rooms: HttpRooms): Server {
  const server = createServer((request, response) => {
    serve(rooms, request, response).catch((error) => {
      answer(response, 400, JSON.stringify({ message: String(error) }));
    });
  });
  server.keepAliveTimeout = 0; // A frozen container cannot notice that its idle socket was closed.
  server.on('upgrade', (request, socket, head) => rooms.gateway.upgrade(request, socket, head));
  return server;
}

async function serve(
  { aws, api, control, console }: HttpRooms,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const exchange = await readRequest(request);
  const { method, url, body } = exchange;
  const reply = aws.answer(exchange);
  if (reply) return sendReply(response, await reply);
  if (await api.handle(request, response, body)) return;
  if (console?.handle(method, url, response)) return;
  const found = await control.answer(method, url, body.toString());
  if (found === undefined) answer(response, 404, '{"message":"not found"}');
  else answer(response, 200, found);
}

function answer(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(body);
}
