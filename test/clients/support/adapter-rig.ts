import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { expect } from '@jest/globals';
import { WebSocket, WebSocketServer } from 'ws';
import { type Adapter, type AdapterOptions, startAdapter } from '../../../clients/adapter';
import type { Clock } from '../../../clients/adapter/clock';
import { textLine } from '../../../clients/adapter/log';

export const pingreq = Buffer.from('c000', 'hex');
/** MQTT 3.1.1, client id `a`, clean session, keep-alive 60 s. */
export const defaultConnect = Buffer.from('100d00044d5154540402003c000161', 'hex');
/** The same in MQTT 5.0. */
export const defaultConnect5 = Buffer.from('100e00044d5154540502003c00000161', 'hex');
export const connectFrame = `1.${defaultConnect.toString('base64')}`;
export const connectAndPing = Buffer.concat([defaultConnect, pingreq]);

/** A gateway that sends nothing by itself. */
export interface SilentGateway {
  url: string;
  server: WebSocketServer;
  sockets: WebSocket[];
  frames: string[];
}

/** Cleanup functions of the current test. */
export const endings: (() => unknown)[] = [];

export async function endAll(): Promise<void> {
  for (const end of endings.splice(0).reverse()) await end();
}

export async function silentGateway(verifyClient?: (info: unknown, accept: (yes: boolean) => void) => void) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', verifyClient });
  await once(server, 'listening');
  const gateway: SilentGateway = {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    sockets: [],
    frames: [],
  };
  server.on('connection', (socket) => {
    gateway.sockets.push(socket);
    socket.on('message', (data) => gateway.frames.push(data.toString()));
  });
  endings.push(async () => {
    for (const socket of server.clients) socket.terminate();
    await new Promise((resolve) => server.close(resolve));
  });
  return gateway;
}

export interface StartedAdapter extends Adapter {
  /** The log as text. */
  lines: string[];
  /** Reasons of the connections of clients that have ended, as in the metric. */
  ends: string[];
}

export async function adapterFor(url: string, options: Partial<AdapterOptions> = {}): Promise<StartedAdapter> {
  const [lines, ends]: [string[], string[]] = [[], []];
  const loopback = { host: '127.0.0.1', port: 0 };
  const adapter = await startAdapter({
    url,
    listen: loopback,
    listenWebSocket: loopback,
    log: (entry) => {
      lines.push(textLine(entry));
      if (entry.message.startsWith('closed: ')) ends.push(String(entry.details?.reason));
    },
    ...options,
  });
  endings.push(() => adapter.close());
  return Object.assign(adapter, { lines, ends });
}

/** A TCP client that has sent CONNECT, or the given bytes. */
export async function tcpClient(adapter: Adapter, greeting: Buffer = defaultConnect): Promise<Socket> {
  const socket = connect(adapter.port!, '127.0.0.1');
  endings.push(() => socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  if (greeting.length > 0) socket.write(greeting);
  socket.resume();
  return socket;
}

export async function webSocketClient(adapter: Adapter, protocols: string[], path = '/mqtt'): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${adapter.webSocketPort}${path}`, protocols);
  endings.push(() => socket.terminate());
  await once(socket, 'open');
  socket.send(defaultConnect);
  return socket;
}

/** Resolves when all timers that a jump of the clock has made due have run. */
export function timersRun(clock: Clock): Promise<void> {
  return new Promise((resolve) => void clock.after(0, resolve));
}

/** Waits for as many MQTT bytes as expected, and asserts that they are the expected ones. */
export async function expectReceived(gateway: Pick<SilentGateway, 'frames'>, expected: Buffer): Promise<void> {
  await until(() => bytesOf(gateway).length >= expected.length);
  expect(bytesOf(gateway).toString('hex')).toBe(expected.toString('hex'));
}

/** Resolves when a metric of an adapter with a monitor is not 0. */
export async function untilCounted({ monitorPort }: Adapter, metric: string): Promise<void> {
  const text = async () => (await fetch(`http://127.0.0.1:${monitorPort}/metrics`)).text();
  while ((await text()).includes(`cirrus_adapter_${metric} 0\n`)) await pause(10);
}

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

export const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The MQTT bytes of all frames so far. */
export function bytesOf({ frames }: Pick<SilentGateway, 'frames'>): Buffer {
  return Buffer.concat(frames.map(rawBytes));
}

export function rawBytes(frame: string): Buffer {
  return Buffer.from(frame.slice(frame.indexOf('.') + 1), 'base64');
}
