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

/** Ways into an adapter. */
export const doors = ['tcp', 'tls', 'ws', 'wss', 'unix'] as const;
export type DoorName = (typeof doors)[number];

/** A connection through a door whose handshakes are done, and the socket below. */
export interface Visitor {
  readonly socket: Socket;
  send(bytes: Buffer): void;
  /** Stops reading what the adapter sends. */
  pause(): void;
}

export interface DoorPorts extends Adapter {
  unixPath?: string;
}

/** A socket on which nothing was said yet. */
export async function knock(door: DoorName, adapter: DoorPorts, localAddress?: string): Promise<Socket> {
  const { port, tlsPort, webSocketPort, secureWebSocketPort, unixPath } = adapter;
  const ports = { tcp: port, tls: tlsPort, ws: webSocketPort, wss: secureWebSocketPort };
  const at = door === 'unix' ? { path: unixPath! } : { host: '127.0.0.1', port: ports[door]!, localAddress };
  const socket = connect({ ...at, allowHalfOpen: true });
  endings.push(() => socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** The socket on which a door expects MQTT or HTTP: with TLS on top where the door has it. */
export async function knockThroughTls(door: DoorName, adapter: DoorPorts, localAddress?: string) {
  const socket = await knock(door, adapter, localAddress);
  if (door !== 'tls' && door !== 'wss') return { socket, top: socket };
  const top = connectTls({ socket, ca: readFileSync(join(fixtures, 'ca.crt')), rejectUnauthorized: false });
  top.on('error', () => {});
  await once(top, 'secureConnect');
  return { socket, top };
}

export async function enter(door: DoorName, adapter: DoorPorts, localAddress?: string): Promise<Visitor> {
  const { socket, top } = await knockThroughTls(door, adapter, localAddress);
  if (door !== 'ws' && door !== 'wss') {
    top.resume();
    return { socket, send: (bytes) => top.write(bytes), pause: () => top.pause() };
  }
  const webSocket = new WebSocket('ws://127.0.0.1/mqtt', 'mqtt', { createConnection: () => top });
  endings.push(() => webSocket.terminate());
  webSocket.on('error', () => {});
  await once(webSocket, 'open');
  return { socket, send: (bytes) => webSocket.send(bytes), pause: () => webSocket.pause() };
}
