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
import type { ConnectionPermit } from './connection-limit';
import { limitEarlyBytes } from './early-limit';
import type { Log } from './log';

/** The address of a listener. Port 0 selects a free port. */
export interface Address {
  host: string;
  port: number;
}

export interface WebSocketAddress extends Address {
  /** `/mqtt` by default. */
  path?: string;
  /** Host names of the listener, and origins of the pages that may connect. */
  access: WebAccess;
}

/** Decides about the sockets of all listeners. */
export interface Acceptor {
  /** Returns a permit for a new socket; undefined if a limit is reached. */
  admit(socket: Socket, path?: string): ConnectionPermit | undefined;
  /** Takes the connection of a client after the handshakes of TLS and WebSocket. */
  accept(client: Duplex, permit: ConnectionPermit): void;
  clock: Clock;
  log: Log;
}

export interface Listener {
  port: number;
  /** Stops listening; resolves when all connections are closed. */
  close(): Promise<void>;
  /** Closes all connections at once, also during their handshakes. */
  destroyConnections(): void;
}

/** Time limit for the handshakes of TLS and HTTP together. */
const handshakeMs = 10_000;

/** Bytes of the largest WebSocket message of a client; a larger one is closed with 1009. */
const maxMessageBytes = 1_048_576;

/** TCP reports a dead peer about ten seconds after this idle time, independently of the MQTT keep-alive. */
const socketOptions = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 };

export function listenTcp(at: Address, acceptor: Acceptor): Promise<Listener> {
  return started(createServer(socketOptions), at, {
    acceptor,
    serve: (socket, handshake) => acceptor.accept(socket, handshake.finish()),
  });
}

export function listenTls(at: Address, certificate: Certificate, acceptor: Acceptor): Promise<Listener> {
  const inner = createTlsServer(certificate.options);
  certificate.updateOnReload(inner);
  const handshakes = new Handshakes(inner);
  inner.on('secureConnection', (socket) => handshakes.finish(socket, acceptor));
  return started(createServer(socketOptions), at, { acceptor, serve: handshakes.begin });
}

/**
 * Listens on a socket file. It replaces a file that a killed adapter left behind, but not one that is in use.
 *
 * @throws Error if the file is in use or is no socket
 */
export async function listenUnix(path: string, acceptor: Acceptor): Promise<Listener> {
  const serve = (socket: Socket, handshake: Handshake) => acceptor.accept(socket, handshake.finish());
  const start = () => started(createServer(), { path }, { acceptor, serve });
  try {
    return await start();
  } catch (error) {
    const isStale = error instanceof TakenError && lstatSync(path).isSocket() && !(await isInUse(path));
    if (!isStale) throw error;
    unlinkSync(path);
    return start();
  }
}

/** Binary MQTT over WebSocket; over TLS if there is a certificate. */
export function listenWebSocket(
  at: WebSocketAddress,
  certificate: Certificate | undefined,
  acceptor: Acceptor,
): Promise<Listener> {
  const { access } = at;
  const inner = certificate ? createHttpsServer(certificate.options, refuseRequest) : createHttpServer(refuseRequest);
  if (certificate) certificate.updateOnReload(inner as ReturnType<typeof createHttpsServer>);
  const handshakes = new Handshakes(inner);
  const server = new WebSocketServer({
    server: inner,
    path: at.path ?? '/mqtt',
    perMessageDeflate: false,
    maxPayload: maxMessageBytes,
    handleProtocols,
    verifyClient: ({ req }, respond) => {
      const problem = access.problemOf(req.headers);
      if (problem !== undefined) acceptor.log({ level: 'warn', message: `refused ${peerOf(req.socket)}: ${problem}` });
      respond(problem === undefined, 403, problem);
    },
    WebSocket: BinaryWebSocket,
  });
  server.on('connection', (socket, request) => {
    handshakes.finish(request.socket, acceptor, (permit) => {
      limitEarlyBytes(socket, request.socket, permit);
      return messageStream(socket, request.socket);
    });
  });
  const allowHalfOpen = certificate === undefined; // The same as servers of HTTP and of TLS use.
  return started(createServer({ ...socketOptions, allowHalfOpen }), at, { acceptor, serve: handshakes.begin });
}

/** A socket during its handshakes below MQTT, which have a time limit. */
interface Handshake {
  /** Cancels the time limit and returns the permit of the socket. */
  finish(): ConnectionPermit;
}

/** Handshakes of TLS or HTTP, performed by a server that gets its sockets from the listening one. */
class Handshakes {
  /** By address and port of the peer, because the upper server creates socket objects of its own. */
  private readonly open = new Map<string, Handshake>();

  constructor(private readonly server: Pick<HttpServer, 'emit'>) {}

  readonly begin = (socket: Socket, handshake: Handshake): void => {
    const peer = peerOf(socket);
    this.open.set(peer, handshake);
    socket.once('close', () => this.open.delete(peer));
    this.server.emit('connection', socket);
  };

  /** @param streamFor creates the stream of the client; by default it is the socket itself */
  finish(socket: Socket, acceptor: Acceptor, streamFor: (permit: ConnectionPermit) => Duplex = () => socket): void {
    const permit = this.open.get(peerOf(socket))?.finish();
    if (permit) acceptor.accept(streamFor(permit), permit);
    else socket.destroy(); // The client has closed it already.
  }
}

/**
 * A stream on a WebSocket. Each write is one message, because some clients (Eclipse Paho C) read only the first packet of a
 * message, although packets need not align with messages [MQTT-6.0.0-2].
 */
function messageStream(socket: WebSocket, below: Duplex): Duplex {
  const stream = createWebSocketStream(socket);
  stream.once('end', () => stream.destroy()); // A WebSocket cannot be half open.
  // Sends corked writes together. By default each message would wait until the network has taken the one before.
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

/** Serves the sockets that the acceptor has admitted. */
export interface Service {
  acceptor: Pick<Acceptor, 'admit' | 'clock' | 'log'>;
  serve(socket: Socket, handshake: Handshake): void;
}

/**
 * Starts a server whose sockets need a permit and have a time limit for their handshakes.
 *
 * @throws Error that names the address, if it is taken, forbidden or not of this machine
 */
export async function started(
  server: Server,
  at: Address | { path: string },
  { acceptor, serve }: Service,
): Promise<Listener> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    socket.on('error', () => {}); // The client may reset the connection before another listener exists.
    const permit = acceptor.admit(socket, 'path' in at ? at.path : undefined);
    if (!permit) return void socket.destroy();
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    serve(socket, handshakeOf(socket, permit, acceptor.clock));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(explained(error, at)));
    server.listen(at as ListenOptions, resolve);
  });
  server.on('error', ({ message }) => acceptor.log({ level: 'warn', message: `a listener failed: ${message}` }));
  const address = server.address();
  return {
    port: typeof address === 'object' ? (address as AddressInfo).port : 0,
    close: () => new Promise((resolve) => server.close(() => resolve())),
    destroyConnections: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

function handshakeOf(socket: Socket, permit: ConnectionPermit, clock: Clock): Handshake {
  const timer = clock.after(handshakeMs, () => socket.destroy());
  socket.once('close', () => timer.cancel());
  return {
    finish() {
      timer.cancel();
      return permit;
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

function isInUse(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress}:${remotePort}`;
}

/** A plain HTTP request would otherwise wait forever and keep its socket open. */
function refuseRequest(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(426, { connection: 'close', upgrade: 'websocket' }).end('here is MQTT over WebSocket only\n');
}

/** Selects the subprotocol [MQTT-6.0.0-3]. A client that offers none of MQTT's gets none. */
function handleProtocols(offered: Set<string>): string | false {
  return ['mqtt', 'mqttv3.1'].find((protocol) => offered.has(protocol)) ?? false;
}

/** Closes the connection after a text frame: MQTT over WebSocket is binary [MQTT-6.0.0-1]. */
class BinaryWebSocket extends WebSocket {
  override emit(event: string | symbol, ...values: unknown[]): boolean {
    const isText = event === 'message' && values[1] === false;
    if (!isText) return super.emit(event, ...values);
    this.close(1003, 'MQTT needs binary frames');
    return true;
  }
}
