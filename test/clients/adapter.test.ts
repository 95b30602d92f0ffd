import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { connectAsync, type MqttClient } from 'mqtt';
import { generate, type Packet, parser as parserOf } from 'mqtt-packet';
import { WebSocket } from 'ws';
import { type Adapter, startAdapter } from '../../clients/adapter';
import { textLine } from '../../clients/adapter/log';
import { messagesOf } from './support/messages';
import { startTextGateway, type TextGateway } from './support/text-gateway';

let gateway: TextGateway;
let adapter: Adapter;
const lines: string[] = [];
const clients: MqttClient[] = [];

beforeAll(async () => {
  gateway = await startTextGateway();
  adapter = await startAdapter({
    url: gateway.url,
    listen: { host: '127.0.0.1', port: 0 },
    listenWebSocket: { host: '127.0.0.1', port: 0 },
    log: (entry) => lines.push(textLine(entry)),
  });
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.endAsync(true)));
  expect(gateway.breaches).toEqual([]);
});

afterAll(async () => {
  await adapter.close();
  await gateway.close();
});

const urls = {
  TCP: () => `mqtt://127.0.0.1:${adapter.port}`,
  WebSocket: () => `ws://127.0.0.1:${adapter.webSocketPort}/mqtt`,
};

async function connect(url: string): Promise<MqttClient> {
  const client = await connectAsync(url, { reconnectPeriod: 0 });
  clients.push(client);
  return client;
}

describe.each(['TCP', 'WebSocket'] as const)('the adapter for a stock client over %s', (kind) => {
  it.each([0, 1, 2] as const)('carries QoS %i and payloads of 0, 20 KB and 90 KB', async (qos) => {
    const client = await connect(urls[kind]());
    await client.subscribeAsync('a/b', { qos });
    const payloads = [0, 20_480, 92_160].map((size) => Buffer.alloc(size, 7));

    const received = messagesOf(client, payloads.length);
    for (const payload of payloads) await client.publishAsync('a/b', payload, { qos });

    expect((await received).map(String)).toEqual(payloads.map(String));
  });

  it('carries a burst of 1,000 publishes in few frames and in order', async () => {
    const client = await connect(urls[kind]());
    await client.subscribeAsync('burst');
    const framesBefore = gateway.frameSizes.length;

    const received = messagesOf(client, 1_000);
    for (let n = 0; n < 1_000; n++) client.publish('burst', `message ${n}`);

    expect((await received).map(String)).toEqual(Array.from({ length: 1_000 }, (_, n) => `message ${n}`));
    expect(gateway.frameSizes.length - framesBefore).toBeLessThan(20);
  });
});

describe('the adapter for a WebSocket client that reads one packet of a message', () => {
  it('sends ten retained messages on a wildcard in ten messages', async () => {
    const publisher = await connect(urls.TCP());
    for (let n = 0; n < 10; n++) await publisher.publishAsync(`kept/${n}`, 'x', { qos: 1, retain: true });
    const socket = new WebSocket(urls.WebSocket(), 'mqtt');
    await once(socket, 'open');
    const packets: Packet[] = [];
    socket.on('message', (message: Buffer) => {
      const parser = parserOf();
      parser.once('packet', (packet) => packets.push(packet));
      expect(parser.parse(message)).toBe(0); // No bytes remain after the first packet.
    });

    socket.send(
      generate({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId: 'raw', clean: true, keepalive: 60 }),
    );
    socket.send(generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'kept/+', qos: 0 }] }));
    while (packets.length < 12) await once(socket, 'message');
    socket.terminate();

    const topics = packets.flatMap((packet) => (packet.cmd === 'publish' ? [packet.topic] : []));
    expect(topics.toSorted()).toEqual(Array.from({ length: 10 }, (_, n) => `kept/${n}`));
  });
});
