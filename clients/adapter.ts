import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import type { Duplex } from 'node:stream';

import WebSocket, { createWebSocketStream, WebSocketServer } from 'ws';
import type { Headers } from './bearer';
import { Relay } from './relay';

/** Where the gateway is and where stock MQTT clients may connect. Port 0 takes a free one. */
export interface AdapterOptions {
  url: string;
  /** Plain MQTT over TCP. */
  listen?: { host: string; port: number };
  /** Binary MQTT over WebSocket; the path is `/mqtt` unless given. */
  listenWebSocket?: { host: string; port: number; path?: string };
  /** Asked before each handshake with the gateway, for a token that its clients do not have themselves. */
  headers?: Headers;
  log?: (line: string) => void;
}

/** A running adapter with the ports it got. */
export interface Adapter {
  port?: number;
  webSocketPort?: number;
  close(): Promise<void>;
}

/** Lets unmodified MQTT clients talk to the gateway: each of their connections becomes one of text frames. */
export async function startAdapter(options: AdapterOptions): Promise<Adapter> {
  const relays = new Relays(options);
  const closers: (() => Promise<void>)[] = [];
  const close = async () => {
    relays.closeAll();
    await Promise.all(closers.map((closeListener) => closeListener()));
  };
  try {
    const tcp = options.listen && (await listenTcp(options.listen, relays));
    if (tcp) closers.push(tcp.close);
    const webSocket = options.listenWebSocket && (await listenWebSocket(options.listenWebSocket, relays));
    if (webSocket) closers.push(webSocket.close);
    return { port: tcp?.port, webSocketPort: webSocket?.port, close };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Listener {
  port: number;
  close: () => Promise<void>;
}

/** The client connections of one adapter, so that none outlives it. */
class Relays {
  private readonly open = new Set<Relay>();
  private count = 0;

  constructor(private readonly options: AdapterOptions) {}

  add(client: Duplex, from: string): void {
    const name = `#${++this.count}`;
    this.log(`${name} opened by ${from}`);
    try {
      const { url, headers = () => ({}) } = this.options;
      const relay = new Relay(client, url, headers(), {
        onEnd: (reason) => this.log(`${name} closed: ${reason}`),
        onGone: () => this.open.delete(relay),
      });
      this.open.add(relay);
    } catch (error) {
      this.log(`${name} closed: ${(error as Error).message}`); // no token
      client.destroy();
    }
  }

  private log(line: string): void {
    this.options.log?.(line);
  }

  closeAll(): void {
    for (const relay of this.open) relay.destroy('adapter closed');
  }
}

async function listenTcp(at: { host: string; port: number }, relays: Relays): Promise<Listener> {
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 }, (socket) =>
    relays.add(socket, `${socket.remoteAddress}:${socket.remotePort}`),
  );
  await listen(server, at);
  return { port: portOf(server), close: () => closeServer(server) };
}

async function listenWebSocket(at: { host: string; port: number; path?: string }, relays: Relays): Promise<Listener> {
  const http = createHttpServer();
  const server = new WebSocketServer({
    server: http,
    path: at.path ?? '/mqtt',
    perMessageDeflate: false,
    handleProtocols,
    WebSocket: BinaryWebSocket,
  });
  server.on('error', () => {}); // Told by the promise of `listen`.
  server.on('connection', (socket, request) => {
    relays.add(createWebSocketStream(socket), `${request.socket.remoteAddress}:${request.socket.remotePort}`);
  });
  await listen(http, at);
  const close = () => {
    http.closeAllConnections();
    return closeServer(http);
  };
  return { port: portOf(http), close };
}

async function listen(server: Server, at: { host: string; port: number }): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'EADDRINUSE' ? new Error(`port ${at.port} is taken`) : error),
    );
    server.listen(at.port, at.host, resolve);
  });
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

async function closeServer(server: Server): Promise<void> {
  await new Promise((resolve) => server.close(resolve));
}

/** MQTT names its subprotocols; a client that offers none of them gets none. */
function handleProtocols(offered: Set<string>): string | false {
  return ['mqtt', 'mqttv3.1'].find((protocol) => offered.has(protocol)) ?? false;
}

/** MQTT over WebSocket is binary [MQTT-6.0.0-1]; a text frame never reaches the stream. */
class BinaryWebSocket extends WebSocket {
  override emit(event: string | symbol, ...values: unknown[]): boolean {
    const isText = event === 'message' && values[1] === false;
    if (!isText) return super.emit(event, ...values);
    this.close(1003, 'MQTT needs binary frames');
    return true;
  }
}
