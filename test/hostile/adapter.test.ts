import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connectAsync, type MqttClient } from 'mqtt';
import { WebSocket } from 'ws';
import { type Adapter, startAdapter } from '../../clients/adapter';
import { TestBroker } from '../support/test-broker';

const loopback = { host: '127.0.0.1', port: 0 };
const greeting = Buffer.from('101500044d5154540402003c00097374', 'hex');

let broker: TestBroker;
let adapter: Adapter;
let publisher: MqttClient;
let subscriber: MqttClient;
let said = 0;

/** Latencies below this many milliseconds are ignored, because attackers, adapter and broker share two cores. */
const noise = 250;

/** Connects a stock MQTT client to the adapter. */
function stock(clientId: string, kind: 'tcp' | 'ws' = 'tcp'): Promise<MqttClient> {
  const { port, webSocketPort } = adapter;
  const url = kind === 'tcp' ? `mqtt://127.0.0.1:${port}` : `ws://127.0.0.1:${webSocketPort}/mqtt`;
  return connectAsync(url, { clientId, reconnectPeriod: 0, connectTimeout: 60_000 });
}

beforeAll(async () => {
  broker = await TestBroker.start({ dynamodbLatency: 4, containers: 1 });
  adapter = await startAdapter({
    url: broker.cloud.gatewayUrl,
    listen: loopback,
    listenWebSocket: loopback,
    monitor: loopback,
    maxClients: 100,
  });
  [publisher, subscriber] = [await stock('calm-publisher'), await stock('calm-subscriber', 'ws')];
  await subscriber.subscribeAsync('calm/+', { qos: 1 });
});

afterAll(async () => {
  for (const client of [publisher, subscriber]) await client.endAsync(true);
  await adapter.close();
  await broker.stop();
});

/** Publishes `count` QoS 1 messages, and more until `end`. Every message must arrive in order. Returns the milliseconds of each. */
async function talk(messages: number, end?: AbortSignal): Promise<number[]> {
  const times: number[] = [];
  while (times.length < messages || end?.aborted === false) {
    const text = `message ${++said}`;
    const began = performance.now();
    const heard = new Promise<string>((resolve) => {
      subscriber.once('message', (_topic, payload) => resolve(String(payload)));
    });
    await publisher.publishAsync('calm/a', text, { qos: 1 });
    expect(await heard).toBe(text);
    times.push(performance.now() - began);
  }
  return times;
}

/** Measures the cost of a message of the pair three times: frames, posts, read and write units. Caches are refreshed now and then. */
async function prices(): Promise<number[][]> {
  const { cloud } = broker;
  const measured: number[][] = [];
  while (measured.length < 3) {
    await cloud.settled();
    await cloud.resetBill();
    await talk(1);
    await cloud.settled();
    const { gateway, dynamodb } = await cloud.bill();
    measured.push([gateway.frames, gateway.posts, dynamodb.reads, dynamodb.writes]);
  }
  return measured;
}

/** Runs an attack while the pair exchanges messages. None may be lost, delayed or more expensive, and neither client disconnected. */
async function talkDuring(attack: () => Promise<unknown>): Promise<void> {
  const before = await prices();
  const calm = percentile99(await talk(100));
  const hostile = new AbortController();
  const attacked = attack().finally(() => hostile.abort());
  const beside = percentile99(await talk(100, hostile.signal));
  await attacked;
  expect(beside).toBeLessThan(3 * Math.max(calm, noise));
  expect([publisher.connected, subscriber.connected]).toEqual([true, true]);
  const after = await prices();
  for (const line of [0, 1, 2, 3]) {
    const units = (all: number[][]) => all.map((each) => each[line]!);
    expect(Math.min(...units(after))).toBeLessThanOrEqual(Math.max(...units(before)));
  }
}

function percentile99(times: readonly number[]): number {
  return [...times].sort((one, other) => one - other)[Math.ceil(times.length * 0.99) - 1] ?? 0;
}

async function gauge(name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${adapter.monitorPort}/metrics`)).text();
  return Number(new RegExp(`^cirrus_adapter_${name} (\\d+)$`, 'm').exec(text)?.[1]);
}

/** Resolves when the adapter has only the connections of the calm pair. */
async function aftermath(): Promise<void> {
  while ((await gauge('clients')) !== 2 || (await gauge('dials_waiting')) !== 0) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function knock(port: number, bytes: Buffer | string = ''): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  if (bytes.length > 0) socket.write(bytes);
  return new Promise((resolve) => {
    for (const event of ['connect', 'close']) socket.once(event, () => resolve(socket));
  });
}

async function webSocket(): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${adapter.webSocketPort}/mqtt`, 'mqtt').on('error', () => {});
  await new Promise((resolve) => {
    for (const event of ['open', 'close']) socket.once(event, resolve);
  });
  return socket;
}

describe('an adapter under attack, beside a calm pair of stock clients', () => {
  it('releases 1,000 WebSocket clients that close before they are connected to the gateway', async () => {
    await talkDuring(async () => {
      for (let n = 0; n < 1_000; n++) {
        const socket = await webSocket();
        if (n % 2 === 0 && socket.readyState === WebSocket.OPEN) socket.send(greeting);
        socket.close();
      }
    });

    await aftermath();
    const late = await stock('late', 'ws');
    await late.endAsync();
  });

  it('accepts a new client while 1,000 sockets send nothing', async () => {
    const silent: Socket[] = [];
    await talkDuring(async () => {
      for (let n = 0; n < 1_000; n++) silent.push(await knock(n % 2 ? adapter.port! : adapter.webSocketPort!));
      await new Promise((resolve) => setTimeout(resolve, 1_100)); // from here on the adapter closes them for new clients
      const late = await stock('late');
      await late.endAsync();
    });

    for (const socket of silent) socket.destroy();
    await aftermath();
  });

  it('closes clients that never finish a WebSocket message', async () => {
    await talkDuring(async () => {
      for (let n = 0; n < 40; n++) {
        const socket = await webSocket();
        const closed = new Promise((resolve) => socket.once('close', resolve));
        socket.send(Buffer.alloc(40_000), { fin: false }, () => {});
        await closed;
      }
    });

    await aftermath();
  });

  it('serves others while clients with invalid packets come and go', async () => {
    const garbage = [
      '\0'.repeat(100),
      'GET / HTTP/1.1\r\n\r\n',
      '\x10\xff\xff\xff\x7f',
      '\x16\x03\x01\x02\x00',
      '\xc0\x00',
    ];
    await talkDuring(async () => {
      for (let n = 0; n < 500; n++) {
        const bytes = Buffer.from(garbage[n % garbage.length]!, 'latin1');
        for (const port of [adapter.port!, adapter.webSocketPort!, adapter.monitorPort!]) {
          (await knock(port, bytes)).end();
        }
      }
    });

    await aftermath();
  });
});
