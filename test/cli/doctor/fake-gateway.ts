import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import mqtt, { type Packet } from 'mqtt-packet';
import { type WebSocket, WebSocketServer } from 'ws';

/** Options of a fake gateway, for behaviour that the broker never has. */
export interface FakeOptions {
  /** Subprotocol of the handshake response, whatever the client offers. */
  readonly subprotocol?: string | false;
  /** Date header of HTTP responses. */
  readonly date?: string;
  /** Handles a packet; by default sends CONNACK for CONNECT and ignores other packets. */
  readonly answer?: (packet: Packet, send: (data: string | Buffer) => void, peer: FakePeer) => void;
  /** Called for each frame before it is parsed. */
  readonly heard?: (frame: Buffer, isBinary: boolean) => void;
  /** Key and certificate for wss. */
  readonly tls?: { readonly key: Buffer; readonly cert: Buffer };
  /** HTTP status of refused handshakes. */
  readonly status?: number;
}

/** Connected client. */
export interface FakePeer {
  /** Calls the function after the client has read everything sent so far. */
  hasRead(run: () => void): void;
}

export interface FakeGateway {
  readonly url: string;
  close(): Promise<void>;
}

export const connack = { cmd: 'connack', reasonCode: 0, sessionPresent: false } as const;

export function frameOf(packet: Packet): string {
  return mqtt.generate(packet, { protocolVersion: 5 }).toString('base64');
}

/** Starts a fake gateway. */
export async function startFakeGateway(options: FakeOptions): Promise<FakeGateway> {
  const server: Server = options.tls ? createSecureServer(options.tls) : createServer();
  server.on('request', (_request, response) => {
    if (options.date !== undefined) response.setHeader('date', options.date);
    response.writeHead(404).end();
  });
  const sockets = new WebSocketServer({
    server,
    handleProtocols: (offered) => options.subprotocol ?? [...offered][0]!,
    ...(options.status !== undefined && {
      verifyClient: (_info: unknown, done: (accepted: boolean, status?: number) => void) => done(false, options.status),
    }),
  });
  sockets.on('connection', (socket) => serve(socket, options));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `${options.tls ? 'wss://localhost' : 'ws://127.0.0.1'}:${port}/mqtt`,
    close: async () => {
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function serve(socket: WebSocket, options: FakeOptions): void {
  const { answer = (_packet, send) => send(frameOf(connack)), heard } = options;
  const peer: FakePeer = {
    hasRead(run) {
      socket.once('pong', run);
      socket.ping();
    },
  };
  const parser = mqtt.parser({ protocolVersion: 5 });
  parser.on('packet', (packet) => {
    answer(packet, (data) => socket.send(data), peer);
    if (packet.cmd === 'disconnect') socket.close();
  });
  parser.on('error', () => {});
  socket.on('message', (data: Buffer, isBinary: boolean) => {
    heard?.(data, isBinary);
    const [, base64 = ''] = data.toString('latin1').split('.');
    parser.parse(isBinary ? data : Buffer.from(base64, 'base64'));
  });
}
