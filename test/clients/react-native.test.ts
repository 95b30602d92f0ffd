import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buildSync } from 'esbuild';
import WebSocket from 'ws';
import { type Cloud, startCloud } from '../../local/cloud';

/**
 * A WebSocket like React Native's: it accepts no URL object, its bufferedAmount is always 0, and its events are plain objects
 * without the class `Event`.
 */
class ReactNativeWebSocket {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSING = 2;
  readonly CLOSED = 3;
  readonly bufferedAmount = 0;
  onopen?: (event: object) => void;
  onmessage?: (event: object) => void;
  onerror?: (event: object) => void;
  onclose?: (event: object) => void;
  private readonly socket: WebSocket;

  constructor(
    readonly url: string,
    protocols?: string | string[],
  ) {
    if (typeof url !== 'string') throw new TypeError('Expected a string');
    this.socket = new WebSocket(url, protocols);
    this.socket.on('open', () => this.onopen?.({}));
    this.socket.on('message', (data) => this.onmessage?.({ data: data.toString() }));
    this.socket.on('error', ({ message }) => this.onerror?.({ message }));
    this.socket.on('close', (code, reason) => this.onclose?.({ code, reason: reason.toString() }));
  }

  get protocol(): string {
    return this.socket.protocol;
  }

  get readyState(): number {
    return this.socket.readyState;
  }

  send(data: unknown): void {
    if (typeof data !== 'string') throw new TypeError('only text is expected here');
    this.socket.send(data);
  }

  close(code = 1_000, reason?: string): void {
    this.socket.close(code, reason);
  }
}

/** The globals of React Native that MQTT.js or the shim use. There is no Buffer, Event, atob, TextDecoder or document. */
function reactNative() {
  const globals: Record<string, unknown> = {
    WebSocket: ReactNativeWebSocket,
    navigator: { product: 'ReactNative' },
    AbortController,
    AbortSignal,
    console,
    setTimeout,
    clearTimeout,
    setInterval,
    clearInterval,
  };
  globals.global = globals.window = globals.self = globals;
  return createContext(globals);
}

const root = join(__dirname, '..', '..');

const shim = buildSync({
  entryPoints: [join(root, 'clients', 'mqttjs.ts')],
  bundle: true,
  platform: 'browser',
  target: 'es2020',
  format: 'iife',
  globalName: 'shim',
  write: false,
}).outputFiles[0]!.text;

let cloud: Cloud;

beforeAll(async () => {
  cloud = await startCloud({ containers: 1 });
});

afterAll(() => cloud.stop());

describe('with the interface of React Native', () => {
  it('the shim exchanges packets in both directions', async () => {
    const app = reactNative();
    runInContext(shim, app);

    const answer = await runInContext(
      `new Promise((resolve, reject) => {
        const socket = shim.createWebsocket(${JSON.stringify(cloud.gatewayUrl)}, ['mqtt'], {});
        socket.binaryType = 'arraybuffer';
        socket.onopen = () => socket.send(Uint8Array.of(16, 13, 0, 4, 77, 81, 84, 84, 4, 2, 0, 20, 0, 1, 97).buffer);
        socket.onmessage = ({ data }) => resolve([data instanceof ArrayBuffer, ...new Uint8Array(data)]);
        socket.onerror = reject;
      })`,
      app,
    );

    expect([...answer]).toEqual([true, 0x20, 2, 0, 0]);
  });

  it.each([0, 1, 2])('MQTT.js publishes and receives at QoS %i', async (qos) => {
    const app = reactNative();
    runInContext(readFileSync(join(root, 'node_modules', 'mqtt', 'dist', 'mqtt.js'), 'utf8'), app);
    runInContext(shim, app);

    const heard = await runInContext(
      `new Promise((resolve, reject) => {
        const client = mqtt.connect(${JSON.stringify(cloud.gatewayUrl)}, { createWebsocket: shim.createWebsocket, clientId: 'phone' });
        client.on('error', reject);
        client.on('connect', () => client.subscribe('phone/#', { qos: ${qos} }, () => client.publish('phone/1', 'häßlich', { qos: ${qos} })));
        client.on('message', (topic, payload, packet) => client.end(() => resolve([topic, String(payload), packet.qos])));
      })`,
      app,
    );

    expect([...heard]).toEqual(['phone/1', 'häßlich', qos]);
  });
});
