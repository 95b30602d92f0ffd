import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { IClientOptions, MqttClient } from 'mqtt';
import WebSocket from 'ws';
import { MAX_PACKET_BYTES } from '../../clients/wire';
import { type Cloud, startCloud } from '../../local/cloud';

// Node 20 has no global WebSocket. The class of `ws` has the same interface; the shim reads the global when it is loaded.
Object.assign(globalThis, { WebSocket });
const { createWebsocket, guardPublish } = require('../../clients/mqttjs') as typeof import('../../clients/mqttjs');

let cloud: Cloud;
const clients: MqttClient[] = [];

beforeAll(async () => {
  cloud = await startCloud({ containers: 1 });
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.endAsync(true)));
});

afterAll(() => cloud.stop());

// MQTT.js decides between Node and browser at its first connection, so each test loads its own MQTT.js.
function freshMqttJs(): typeof import('mqtt') {
  let mqtt: typeof import('mqtt') | undefined;
  jest.isolateModules(() => {
    mqtt = require('mqtt');
  });
  return mqtt!;
}

const over = Buffer.alloc(98_400, 'x');

/** Bytes of a PUBLISH without payload: fixed header, topic of one byte, packet id, and in 5.0 the property length. */
const overhead = (qos: number, version: number) => 4 + 3 + (qos > 0 ? 2 : 0) + (version === 5 ? 1 : 0);

describe.each<[string, IClientOptions]>([
  ['the stream of Node', {}],
  ['the surface of a browser', { forceNativeWebSocket: true }],
])('an oversized PUBLISH of MQTT.js over %s', (_name, surface) => {
  const mqtt = freshMqttJs();

  /** A client that reconnects at once, with the number of its handshakes and its errors. */
  async function connect(options: IClientOptions, guard: (client: MqttClient) => MqttClient) {
    const handshakes = { count: 0 };
    const client = guard(
      mqtt.connect(cloud.gatewayUrl, {
        reconnectPeriod: 1,
        ...surface,
        ...options,
        createWebsocket: (...given) => {
          handshakes.count += 1;
          return createWebsocket(...given);
        },
      }),
    );
    clients.push(client);
    await new Promise((resolve) => client.once('connect', resolve));
    return { client, handshakes };
  }

  describe.each([4, 5] as const)('version %i', (protocolVersion) => {
    it.each([0, 1, 2] as const)('fails in its callback at QoS %i, and the connection stays', async (qos) => {
      const { client, handshakes } = await connect({ protocolVersion }, guardPublish);
      await client.subscribeAsync('next', { qos });
      const next = new Promise<string>((resolve) =>
        client.on('message', (_topic, payload) => resolve(String(payload))),
      );

      const bytes = over.length + overhead(qos, protocolVersion);
      await expect(client.publishAsync('a', over, { qos })).rejects.toMatchObject({
        name: 'PacketTooLargeError',
        message: `a packet of ${bytes} bytes is over the limit of 97280`,
        bytes,
        limit: 97_280,
      });
      await client.publishAsync('next', 'heard', { qos });

      expect(await next).toBe('heard');
      expect(handshakes.count).toBe(1);
    });

    it.each([1, 2] as const)('fails in its callback at QoS %i without the guard, too', async (qos) => {
      const { client, handshakes } = await connect({ protocolVersion, clean: false, clientId: `${qos}` }, plain);

      const [refused, next] = await Promise.allSettled([
        client.publishAsync('a', over, { qos }),
        client.publishAsync('a', 'acknowledged', { qos }),
      ]);

      expect([refused, next]).toMatchObject([
        { status: 'rejected', reason: protocolVersion === 5 ? { code: 0x97 } : { bytes: 98_409, limit: 97_280 } },
        { status: 'fulfilled' },
      ]);
      // MQTT 3.1.1 has no error for it: the shim learns its client at the second connection.
      expect(handshakes.count).toBe(protocolVersion === 5 ? 1 : 2);
    });

    it('at QoS 0 without the guard ends one connection, and fails in its callback from then on', async () => {
      const { client, handshakes } = await connect({ protocolVersion }, plain);

      const back = new Promise((resolve) => client.once('connect', resolve));
      client.publish('a', over);
      await back;

      await expect(client.publishAsync('a', over)).rejects.toThrow('is over the limit of 97280');
      expect(handshakes.count).toBe(2);
    });
  });

  it.each([4, 5] as const)(
    'and one with a string that is malformed fail, and the connection stays in version %i',
    async (protocolVersion) => {
      const { client, handshakes } = await connect({ protocolVersion }, guardPublish);
      const properties = { userProperties: { 'a\uffff': 'b' } };

      await expect(client.publishAsync('a\u0001', 'x', { qos: 1 })).rejects.toMatchObject({
        name: 'UncleanTextError',
        message: 'a string of the message has U+0001, but the broker takes no control characters and noncharacters',
      });
      await expect(client.publishAsync('a', 'x', { qos: 1, properties })).rejects.toThrow('has U+FFFF');
      await client.publishAsync('a', 'x', { qos: 1 });

      expect(handshakes.count).toBe(1);
    },
  );

  it('leaves space for the properties that subscribers of MQTT 5.0 get with the largest message', async () => {
    const { client: publisher } = await connect({ protocolVersion: 4 }, guardPublish);
    const { client: subscriber } = await connect({ protocolVersion: 5 }, plain);
    const filters = ['large/#', 'large/+', '+/+', '+/message', 'large/message', '#'];
    for (const filter of filters) {
      await subscriber.subscribeAsync(filter, { qos: 1, properties: { subscriptionIdentifier: 0xfff_ffff } });
    }
    const payload = Buffer.alloc(MAX_PACKET_BYTES - 4 - 2 - 'large/message'.length - 2, 'x');

    const heard = new Promise<Buffer>((resolve) => subscriber.on('message', (_topic, bytes) => resolve(bytes)));
    await publisher.publishAsync('large/message', payload, { qos: 1 });

    expect((await heard).equals(payload)).toBe(true);
    await expect(
      publisher.publishAsync('large/message', Buffer.concat([payload, Buffer.of(0)]), { qos: 1 }),
    ).rejects.toThrow('a packet of 97281 bytes is over the limit of 97280');
  });

  it('does not prevent a reconnect when a SUBSCRIBE is too large', async () => {
    const { client, handshakes } = await connect({ protocolVersion: 4 }, guardPublish);
    const filters = Array.from({ length: 1_000 }, (_, n) => `many/${n}`.padEnd(100, '.'));

    await expect(client.subscribeAsync(filters)).rejects.toThrow('Unspecified error');
    const back = new Promise((resolve) => client.once('connect', resolve));
    client.stream.destroy();
    await back;
    await client.publishAsync('next', 'acknowledged', { qos: 1 });

    expect(handshakes.count).toBe(2);
  });

  it('without a callback is an error of the client', async () => {
    const { client, handshakes } = await connect({}, guardPublish);

    const error = new Promise<Error>((resolve) => client.once('error', resolve));
    client.publish('a', over, { qos: 1 });

    expect((await error).message).toBe('a packet of 98409 bytes is over the limit of 97280');
    await client.publishAsync('next', 'heard', { qos: 1 });
    expect(handshakes.count).toBe(1);
  });
});

const plain = (client: MqttClient) => client;
