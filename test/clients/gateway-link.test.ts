import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { IClientOptions, MqttClient } from 'mqtt';
import WebSocket from 'ws';
import { GatewayLink } from '../../clients/gateway-link';
import { type GatewayOptions, withDefaults } from '../../clients/gateway-options';
import { type Cloud, startCloud } from '../../local/cloud';
import { messagesOf } from './support/messages';
import { startTextGateway } from './support/text-gateway';

// Node 20 has no global WebSocket. The class of `ws` has the same interface; the shim reads the global when it is loaded.
Object.assign(globalThis, { WebSocket });
const { createWebsocketWith } = require('../../clients/mqttjs') as typeof import('../../clients/mqttjs');

const publish = Uint8Array.of(0x30, 0x03, 0, 1, 0x61);
const pingreq = Uint8Array.of(0xc0, 0);
const disconnect = Uint8Array.of(0xe0, 0);
const large = Uint8Array.of(0x30, 0xb0, 0xea, 0x01, 0, 1, 0x61, ...new Uint8Array(29_997));

/** A link whose socket records frames, as hexadecimal without their numbers. */
function linkTo(options: GatewayOptions) {
  const socket = { frames: [] as string[], isReady: true };
  const link = new GatewayLink(withDefaults(options), {
    sendFrame: (frame) => socket.frames.push(Buffer.from(frame.split('.')[1]!, 'base64').toString('hex')),
    isReady: () => socket.isReady,
    atEndOfTurn: (task) => void Promise.resolve().then(task),
    deliverLocally: () => {},
    refuse: () => {},
    closeForRenewal: () => {},
  });
  return { link, socket };
}

const hex = (...packets: Uint8Array[]) => Buffer.concat(packets).toString('hex');
const endOfTurn = () => Promise.resolve().then(() => {});

describe('the batching window', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  it('is the turn by default', async () => {
    const { link, socket } = linkTo({});

    link.write(publish);
    link.write(publish);
    expect(socket.frames).toEqual([]);

    await endOfTurn();
    expect(socket.frames).toEqual([hex(publish, publish)]);
  });

  it('begins with the first waiting packet, and puts all into one frame', async () => {
    const { link, socket } = linkTo({ batchMs: 50 });

    for (let n = 0; n < 5; n++) {
      link.write(publish);
      await endOfTurn();
      jest.advanceTimersByTime(9);
    }
    expect(socket.frames).toEqual([]);

    jest.advanceTimersByTime(5);
    expect(socket.frames).toEqual([hex(publish, publish, publish, publish, publish)]);
  });

  it.each([
    ['PINGREQ', pingreq],
    ['DISCONNECT', disconnect],
    ['CONNECT', Uint8Array.from(Buffer.from('100d00044d51545404020014000161', 'hex'))],
  ])('ends with %s, which does not wait', async (_name, urgent) => {
    const { link, socket } = linkTo({ batchMs: 50 });

    link.write(publish);
    link.write(urgent);
    await endOfTurn();

    expect(socket.frames).toEqual([hex(publish, urgent)]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('does not delay a packet larger than a frame, nor packets before it', async () => {
    const { link, socket } = linkTo({ batchMs: 50 });

    link.write(publish);
    link.write(large);

    expect(socket.frames).toEqual([hex(publish), hex(large.subarray(0, 24_564)), hex(large.subarray(24_564))]);
  });

  it('ends with the connection', () => {
    const { link, socket } = linkTo({ batchMs: 50 });
    link.write(publish);

    link.closed();
    jest.advanceTimersByTime(100);

    expect(socket.frames).toEqual([]);
  });

  it('is extended until the socket is ready', () => {
    const { link, socket } = linkTo({ batchMs: 50 });
    socket.isReady = false;
    link.write(publish);
    jest.advanceTimersByTime(100);
    link.write(publish);
    expect(socket.frames).toEqual([]);

    socket.isReady = true;
    link.ready();

    expect(socket.frames).toEqual([hex(publish, publish)]);
  });
});

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
])('MQTT.js over %s', (_name, path) => {
  const { connectAsync } = freshMqttJs();
  const clients: MqttClient[] = [];
  let cloud: Cloud;

  beforeAll(async () => {
    cloud = await startCloud({ containers: 1 });
  });

  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.endAsync()));
  });

  afterAll(() => cloud.stop());

  async function connect(gateway: GatewayOptions, options: IClientOptions = {}, url = cloud.gatewayUrl) {
    const createWebsocket = createWebsocketWith(gateway);
    const client = await connectAsync(url, { createWebsocket, reconnectPeriod: 10, ...path, ...options });
    clients.push(client);
    return client;
  }

  it('has its PINGREQs answered by the shim without a keep-alive timeout of the broker', async () => {
    const client = await connect({ upstreamKeepAlive: 540 }, { keepalive: 1 });
    const closed = jest.fn();
    client.on('close', closed);
    await cloud.settled();
    await cloud.resetBill();

    const pings: unknown[] = [];
    client.on('packetreceive', ({ cmd }) => pings.push(cmd));
    while (pings.length < 2) await sleep(50);
    cloud.clock.jump(60_000); // The broker applies the raised keep-alive.
    await cloud.runSchedule();
    await cloud.settled();

    expect(new Set(pings)).toEqual(new Set(['pingresp']));
    expect((await cloud.bill()).gateway).toMatchObject({ frames: 0, posts: 0 });
    expect(closed).not.toHaveBeenCalled();
  });

  it('detects a connection that is dead behind the shim when it waits for an answer', async () => {
    const gateway = await startTextGateway();
    const client = await connect({ upstreamKeepAlive: 540 }, { keepalive: 1, reconnectPeriod: 0 }, gateway.url);
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
    const failed = new Promise<Error>((resolve) => client.once('error', resolve));
    for (const socket of gateway.sockets) socket.pause();

    client.publish('a', 'x', { qos: 1 });

    expect((await failed).message).toBe('Keepalive timeout');
    await closed;
    await gateway.close();
  });

  it('is renewed in time, keeps its session and queued messages, and does not publish its will', async () => {
    const watcher = await connect({});
    await watcher.subscribeAsync('wills/#');
    const wills = jest.fn();
    watcher.on('message', wills);
    const client = await connect(
      { renewAfter: [0, 0] },
      {
        clientId: 'renewed',
        clean: false,
        will: { topic: 'wills/renewed', payload: Buffer.from('lost'), qos: 1, retain: false },
      },
    );
    await client.subscribeAsync('to/renewed', { qos: 1 });

    const messages = messagesOf(client, 1);
    const back = new Promise<{ sessionPresent: boolean }>((resolve) => client.once('connect', resolve));
    await new Promise<void>((resolve) => client.once('close', () => resolve()));
    await watcher.publishAsync('to/renewed', 'not lost', { qos: 1 });

    expect((await back).sessionPresent).toBe(true);
    expect((await messages).map(String)).toEqual(['not lost']);
    await cloud.settled();
    expect(wills).not.toHaveBeenCalled();
  });
});
