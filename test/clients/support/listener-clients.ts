import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { WebSocket } from 'ws';
import type { Adapter } from '../../../clients/adapter';
import { endings } from './adapter-rig';

const fixtures = join(__dirname, '../../fixtures/tls');

/** A certificate for TLS listeners. */
export const certificate = { cert: join(fixtures, 'server.crt'), key: join(fixtures, 'server.key') };

/** Kinds of listeners of an adapter. */
export const listenerKinds = ['tcp', 'tls', 'ws', 'wss', 'unix'] as const;
export type ListenerKind = (typeof listenerKinds)[number];

/** A client connection after the handshakes of TLS and WebSocket, and the socket below. */
export interface RawClient {
  readonly socket: Socket;
  send(bytes: Buffer): void;
  /** Stops reading. */
  pause(): void;
}

export interface ListenerPorts extends Adapter {
  unixPath?: string;
}

/** A connected socket, before any handshake. */
export async function openSocket(kind: ListenerKind, adapter: ListenerPorts, localAddress?: string): Promise<Socket> {
  const { port, tlsPort, webSocketPort, secureWebSocketPort, unixPath } = adapter;
  const ports = { tcp: port, tls: tlsPort, ws: webSocketPort, wss: secureWebSocketPort };
  const at = kind === 'unix' ? { path: unixPath! } : { host: '127.0.0.1', port: ports[kind]!, localAddress };
  const socket = connect({ ...at, allowHalfOpen: true });
  endings.push(() => socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** A socket to a listener and, on top of it, TLS if the listener uses it. */
export async function openSecureSocket(kind: ListenerKind, adapter: ListenerPorts, localAddress?: string) {
  const socket = await openSocket(kind, adapter, localAddress);
  if (kind !== 'tls' && kind !== 'wss') return { socket, top: socket };
  const top = connectTls({ socket, ca: readFileSync(join(fixtures, 'ca.crt')), rejectUnauthorized: false });
  top.on('error', () => {});
  await once(top, 'secureConnect');
  return { socket, top };
}

export async function openClient(
  kind: ListenerKind,
  adapter: ListenerPorts,
  localAddress?: string,
): Promise<RawClient> {
  const { socket, top } = await openSecureSocket(kind, adapter, localAddress);
  if (kind !== 'ws' && kind !== 'wss') {
    top.resume();
    return { socket, send: (bytes) => top.write(bytes), pause: () => top.pause() };
  }
  const webSocket = new WebSocket('ws://127.0.0.1/mqtt', 'mqtt', { createConnection: () => top });
  endings.push(() => webSocket.terminate());
  webSocket.on('error', () => {});
  await once(webSocket, 'open');
  return { socket, send: (bytes) => webSocket.send(bytes), pause: () => webSocket.pause() };
}
