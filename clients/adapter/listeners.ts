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
import type { WebAccess } from '../web-access';
import type { Certificate } from './certificate';
import type { Clock } from './clock';
import { limitEarlyBytes } from './early-limit';
import type { Log } from './log';
import type { Place } from './connection-limit';

/** Where to listen. Port 0 takes a free one. */
export interface Address {
  host: string;
  port: number;
}

export interface WebSocketAddress extends Address {
  /** `/mqtt` unless given. */
  path?: string;
  /** Which pages may connect, and what the listener is called. */
  access: WebAccess;
}

/** Decides about sockets, whatever listens for them. */
export interface Door {
  /** A place for a socket that was just accepted; undefined if there is none. */
  admit(socket: Socket, path?: string): Place | undefined;
  /** Takes the connection of a client whose handshakes below MQTT are done. */
  accept(client: Duplex, place: Place): void;
  clock: Clock;
  log: Log;
}

export interface Listener {
  port: number;
  /** Takes no more connections; resolves when the open ones have ended. */
  close(): Promise<void>;
  /** Ends all connections, also those whose handshake is not done. */
  cut(): void;
}

/** For all handshakes below MQTT together, of TLS and HTTP. */
const handshakeMs = 10_000;

/** Of one WebSocket frame of a client; a larger one ends it with 1009. */
const maxFrameBytes = 1_048_576;

/** A peer that is gone without a word is noticed about ten seconds after this, whatever its keep-alive. */
const socketOptions = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 };

export function listenTcp(at: Address, door: Door): Promise<Listener> {
  return started(createServer(socketOptions), at, {
    door,
    serve: (socket, handshake) => door.accept(socket, handshake.done()),
  });
}

export function listenTls(at: Address, certificate: Certificate, door: Door): Promise<Listener> {
  const inner = createTlsServer(certificate.options);
  certificate.follow(inner);
  const handshakes = new Handshakes(inner);
  inner.on('secureConnection', (socket) => handshakes.finish(socket, door));
  return started(createServer(socketOptions), at, { door, serve: handshakes.begin });
}

/** A socket file. One that a killed adapter left behind is replaced, one that is in use is not. */
export async function listenUnix(path: string, door: Door): Promise<Listener> {
  const serve = (socket: Socket, handshake: Handshake) => door.accept(socket, handshake.done());
  const start = () => started(createServer(), { path }, { door, serve });
  try {
    return await start();
  } catch (error) {
    const isLeftBehind = error instanceof TakenError && lstatSync(path).isSocket() && !(await isAnswered(path));
    if (!isLeftBehind) throw error;
    unlinkSync(path);
    return start();
  }
}

/** Binary MQTT over WebSocket; with a certificate, over TLS. */
export function listenWebSocket(
  at: WebSocketAddress,
  certificate: Certificate | undefined,
  door: Door,
): Promise<Listener> {
  const { access } = at;
  const inner = certificate ? createHttpsServer(certificate.options, refuseRequest) : createHttpServer(refuseRequest);
  if (certificate) certificate.follow(inner as ReturnType<typeof createHttpsServer>);
  const handshakes = new Handshakes(inner);
  const server = new WebSocketServer({
    server: inner,
    path: at.path ?? '/mqtt',
    perMessageDeflate: false,
    maxPayload: maxFrameBytes,
    handleProtocols,
    verifyClient: ({ req }, answer) => {
      const problem = access.problemOf(req.headers);
      if (problem !== undefined) door.log({ level: 'warn', message: `refused ${peerOf(req.socket)}: ${problem}` });
      answer(problem === undefined, 403, problem);
    },
    WebSocket: BinaryWebSocket,
  });
  server.on('connection', (socket, request) => {
    handshakes.finish(request.socket, door, (place) => {
      limitEarlyBytes(socket, request.socket, place);
      return messageStream(socket, request.socket);
    });
  });
  const allowHalfOpen = certificate === undefined; // as servers of HTTP and of TLS have their sockets
  return started(createServer({ ...socketOptions, allowHalfOpen }), at, { door, serve: handshakes.begin });
}

/** Limits of a socket until its client can speak MQTT: a place and a time. */
interface Handshake {
  /** Ends the time. */
  done(): Place;
}

/** Handshakes of TLS or HTTP, by a server that gets its sockets from the one that listens. */
class Handshakes {
  /** By address and port of the peer: the upper server makes sockets of its own. */
  private readonly open = new Map<string, Handshake>();

  constructor(private readonly server: Pick<HttpServer, 'emit'>) {}

  readonly begin = (socket: Socket, handshake: Handshake): void => {
    const peer = peerOf(socket);
    this.open.set(peer, handshake);
    socket.once('close', () => this.open.delete(peer));
    this.server.emit('connection', socket);
  };

  /** `streamFor` makes the stream of the client, if it is not the socket itself. */
  finish(socket: Socket, door: Door, streamFor: (place: Place) => Duplex = () => socket): void {
    const place = this.open.get(peerOf(socket))?.done();
    if (place) door.accept(streamFor(place), place);
    else socket.destroy(); // It has left already.
  }
}

/**
 * A stream that ends with its WebSocket, and whose every write is one message: there are clients that read one packet of a message and leave the rest
 * (Eclipse Paho C), though a packet need not begin with a message [MQTT-6.0.0-2].
 */
function messageStream(socket: WebSocket, below: Duplex): Duplex {
  const stream = createWebSocketStream(socket);
  stream.once('end', () => stream.destroy()); // It has ended both ways, and is no stream of its own that may be half open.
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

/** Serves a socket that has a place. */
export interface Service {
  door: Pick<Door, 'admit' | 'clock' | 'log'>;
  serve(socket: Socket, handshake: Handshake): void;
}

/** Starts a server whose sockets have places, each for a limited time until its handshake is done. */
export async function started(
  server: Server,
  at: Address | { path: string },
  { door, serve }: Service,
): Promise<Listener> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    socket.on('error', () => {}); // It may leave at any moment, also before another listens.
    const place = door.admit(socket, 'path' in at ? at.path : undefined);
    if (!place) return void socket.destroy();
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    serve(socket, handshakeOf(socket, place, door.clock));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(explained(error, at)));
    server.listen(at as ListenOptions, resolve);
  });
  server.on('error', ({ message }) => door.log({ level: 'warn', message: `a listener failed: ${message}` }));
  const address = server.address();
  return {
    port: typeof address === 'object' ? (address as AddressInfo).port : 0,
    close: () => new Promise((resolve) => server.close(() => resolve())),
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

function handshakeOf(socket: Socket, place: Place, clock: Clock): Handshake {
  const timer = clock.after(handshakeMs, () => socket.destroy());
  socket.once('close', () => timer.cancel());
  return {
    done() {
      timer.cancel();
      return place;
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
