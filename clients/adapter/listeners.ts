import { lstatSync, unlinkSync } from 'node:fs';
import {
  createServer as createHttpServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect, createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer } from 'node:tls';
import WebSocket, { createWebSocketStream, WebSocketServer } from 'ws';
import type { Certificate } from './certificate';

/** Where to listen. Port 0 takes a free one. */
export interface Address {
  host: string;
  port: number;
}

export interface WebSocketAddress extends Address {
  /** `/mqtt` unless given. */
  path?: string;
}

/** Takes the connection of a client, and who it is for the log. */
export type Accept = (client: Duplex, from: string) => void;

export interface Listener {
  port: number;
  /** Takes no more connections; resolves when the open ones have ended. */
  close(): Promise<void>;
  /** Ends all connections, also those whose handshake is not done. */
  cut(): void;
}

/** For handshakes below MQTT, of TLS and HTTP. */
const handshakeMs = 10_000;

/** Of one WebSocket frame of a client; a larger one ends it with 1009. */
const maxFrameBytes = 1_048_576;

/** A peer that is gone without a word is noticed about ten seconds after this, whatever its keep-alive. */
const socketOptions = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 };

export function listenTcp(at: Address, accept: Accept): Promise<Listener> {
  return started(
    createServer(socketOptions, (socket) => accept(socket, peerOf(socket))),
    at,
  );
}

export function listenTls(at: Address, certificate: Certificate, accept: Accept): Promise<Listener> {
  const options = { ...socketOptions, ...certificate.options, handshakeTimeout: handshakeMs };
  const server = createTlsServer(options, (socket) => accept(socket, peerOf(socket)));
  certificate.follow(server);
  return started(server, at);
}

/** A socket file. One that a killed adapter left behind is replaced, one that is in use is not. */
export async function listenUnix(path: string, accept: Accept): Promise<Listener> {
  const server = () => createServer((socket) => accept(socket, path));
  try {
    return await started(server(), { path });
  } catch (error) {
    const isLeftBehind = error instanceof TakenError && lstatSync(path).isSocket() && !(await isAnswered(path));
    if (!isLeftBehind) throw error;
    unlinkSync(path);
    return started(server(), { path });
  }
}

/** Binary MQTT over WebSocket; with a certificate, over TLS. */
export function listenWebSocket(
  at: WebSocketAddress,
  certificate: Certificate | undefined,
  accept: Accept,
): Promise<Listener> {
  const limits = { ...socketOptions, headersTimeout: handshakeMs, requestTimeout: handshakeMs };
  const http = certificate
    ? createHttpsServer({ ...limits, ...certificate.options, handshakeTimeout: handshakeMs }, refuseRequest)
    : createHttpServer(limits, refuseRequest);
  if (certificate) certificate.follow(http as ReturnType<typeof createHttpsServer>);
  const server = new WebSocketServer({
    server: http,
    path: at.path ?? '/mqtt',
    perMessageDeflate: false,
    maxPayload: maxFrameBytes,
    handleProtocols,
    WebSocket: BinaryWebSocket,
  });
  server.on('error', () => {}); // Told by the promise of `started`.
  server.on('connection', (socket, request) => accept(messageStream(socket, request.socket), peerOf(request.socket)));
  return started(http, at);
}

/**
 * A stream whose every write is one message: there are clients that read one packet of a message and leave the rest
 * (Eclipse Paho C), though a packet need not begin with a message [MQTT-6.0.0-2].
 */
function messageStream(socket: WebSocket, below: Duplex): Duplex {
  const stream = createWebSocketStream(socket);
  // What was written together leaves together, and not each message when the network has taken the one before.
  stream._writev = (writes, done) => {
    below.cork();
    for (const [index, { chunk }] of writes.entries()) {
      if (index < writes.length - 1) socket.send(chunk);
      else socket.send(chunk, done);
    }
    below.uncork();
  };
  return stream;
}

/** Starts a server that is not made for MQTT under the same rules. */
export async function started(server: Server | HttpServer, at: Address | { path: string }): Promise<Listener> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(explained(error, at)));
    server.listen(at as ListenOptions, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' ? (address as AddressInfo).port : 0,
    close: () => new Promise((resolve) => server.close(() => resolve())),
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

class TakenError extends Error {}

function explained(error: NodeJS.ErrnoException, at: Address | { path: string }): Error {
  const where = 'path' in at ? `socket ${at.path}` : `port ${at.port}`;
  if (error.code === 'EADDRINUSE') return new TakenError(`${where} is taken`);
  if (error.code === 'EACCES') return new Error(`${where} may not be opened by this user`);
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND') {
    return new Error(`"${(at as Address).host}" is no address of this machine`);
  }
  return error;
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress}:${remotePort}`;
}

/** Whoever asks for a page would wait for ever, and hold a socket that no limit counts. */
function refuseRequest(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(426, { connection: 'close', upgrade: 'websocket' }).end('here is MQTT over WebSocket only\n');
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
