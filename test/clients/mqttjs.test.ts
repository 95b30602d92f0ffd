import { type EventEmitter, once } from 'node:events';
import { runInNewContext } from 'node:vm';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { buildSync } from 'esbuild';
import type { IClientOptions, MqttClient } from 'mqtt';
import WebSocket from 'ws';
import type { CirrusWebSocket } from '../../clients/websocket';
import { messagesOf } from './support/messages';
import { startTextGateway, type TextGateway } from './support/text-gateway';

// Node 20 has no global WebSocket. The class of `ws` has the same interface; the shim reads the global when it is loaded.
Object.assign(globalThis, { WebSocket });
const { createWebsocket } = require('../../clients/mqttjs') as typeof import('../../clients/mqttjs');

let gateway: TextGateway;
const clients: MqttClient[] = [];

beforeAll(async () => {
  gateway = await startTextGateway();
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.endAsync(true)));
  expect(gateway.breaches.splice(0)).toEqual([]);
});

afterAll(() => gateway.close());

// MQTT.js decides between Node and browser at its first connection, so each test loads its own MQTT.js.
function freshMqttJs(): typeof import('mqtt') {
  let mqtt: typeof import('mqtt') | undefined;
  jest.isolateModules(() => {
    mqtt = require('mqtt');
  });
  return mqtt!;
}

describe.each<[string, IClientOptions]>([
  ['the stream of Node', {}],
  ['the surface of a browser', { forceNativeWebSocket: true }],
])('MQTT.js over %s', (_name, options) => {
  const { connectAsync } = freshMqttJs();

  async function connect(): Promise<MqttClient> {
    const client = await connectAsync(gateway.url, { createWebsocket, reconnectPeriod: 0, ...options });
    clients.push(client);
    return client;
  }

  it.each([0, 1, 2] as const)('carries QoS %i and payloads of 0, 20 KB and 90 KB', async (qos) => {
    const client = await connect();
    await client.subscribeAsync('a/b', { qos });
    const payloads = [0, 20_480, 92_160].map((size) => Buffer.alloc(size, 7));

    const received = messagesOf(client, payloads.length);
    for (const payload of payloads) await client.publishAsync('a/b', payload, { qos });

    expect((await received).map(String)).toEqual(payloads.map(String));
  });

  it('carries a burst of 1,000 publishes in few frames and in order', async () => {
    const client = await connect();
    await client.subscribeAsync('burst');
    const framesBefore = gateway.frameSizes.length;

    const received = messagesOf(client, 1_000);
    for (let n = 0; n < 1_000; n++) client.publish('burst', `message ${n}`);

    expect((await received).map(String)).toEqual(Array.from({ length: 1_000 }, (_, n) => `message ${n}`));
    expect(gateway.frameSizes.length - framesBefore).toBeLessThan(10);
  });

  it('sends CONNECT in one frame', async () => {
    const framesBefore = gateway.frameSizes.length;

    await connect();

    expect(gateway.frameSizes.length - framesBefore).toBe(1);
  });

  it('refuses a packet over 96 KB and names its size and the limit', async () => {
    const client = await connect();

    const failure = streamError(client);
    client.on('error', () => {});
    client.publish('a', Buffer.alloc(98_304));

    expect(await failure).toBe('a packet of 98311 bytes is over the limit of 97280');
  });

  it('ends the connection when API Gateway responds in place of the broker', async () => {
    const client = await connect();

    const failure = streamError(client);
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
    client.on('error', () => {});
    for (const socket of gateway.sockets) socket.send('{"message": "Internal server error"}');

    expect(await failure).toBe('gateway: Internal server error');
    await closed;
  });
});

/** In a browser the reason is in the WebSocket event of MQTT.js's error. */
async function streamError(client: MqttClient): Promise<string> {
  const [error] = await once(client.stream as EventEmitter, 'error');
  return error.event?.message ?? error.message;
}

describe('the shim bundled for a browser', () => {
  const bundle = buildSync({
    entryPoints: [require.resolve('../../clients/mqttjs')],
    bundle: true,
    platform: 'browser',
    format: 'iife',
    globalName: 'shim',
    write: false,
    metafile: true,
  });

  it('needs nothing of Node', () => {
    const inputs = Object.keys(bundle.metafile.inputs);

    expect(inputs.map((path) => path.replace(/^.*(?=clients\/|lambdas\/|node_modules\/)/, '')).sort()).toEqual([
      'clients/base64.ts',
      'clients/gateway-link.ts',
      'clients/gateway-options.ts',
      'clients/local-ping.ts',
      'clients/mqttjs.ts',
      'clients/node-websocket.ts',
      'clients/packet-fields.ts',
      'clients/publish-guard.ts',
      'clients/publish-size.ts',
      'clients/renewal.ts',
      'clients/size-gate.ts',
      'clients/socket-events.ts',
      'clients/websocket.ts',
      'clients/wire.ts',
      'lambdas/protocol/codec/packet-types.ts',
      'lambdas/protocol/codec/read-fixed-header.ts',
      'lambdas/protocol/codec/varint.ts',
      'lambdas/protocol/disallowed-characters.ts',
      'lambdas/protocol/limits.ts',
      'node_modules/ws/browser.js',
    ]);
  });

  it('connects to the broker with only the globals of a browser', async () => {
    const browser = { WebSocket, setTimeout, clearTimeout };
    const { createWebsocket: create } = runInNewContext(`${bundle.outputFiles[0]!.text}; shim`, browser);

    const socket: CirrusWebSocket = create(gateway.url, ['mqtt'], {});
    const answer = new Promise<ArrayBuffer>((resolve) =>
      socket.addEventListener('message', (event) => resolve((event as MessageEvent).data)),
    );
    socket.onopen = () => socket.send(Buffer.from('100d00044d51545404020014000161', 'hex'));

    expect(Buffer.from(await answer).toString('hex')).toBe('20020000');
    socket.close();
  });
});
