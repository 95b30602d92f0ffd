/*
 * Proved elsewhere: a Maximum Packet Size of 0, and a small CONNACK: connect.test.ts; a small DISCONNECT, and packets too
 *   large for the server: disconnect.test.ts.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Packet } from 'mqtt-packet';
import { packetType } from '../../../lambdas/protocol/codec/packet-types';
import { splitPackets } from '../../../lambdas/protocol/packet-splitter';
import { Broker5 } from '../../support/broker5';
import { clause } from '../../support/clause';
import {
  type Client5,
  type ConnectFields,
  connectPacket,
  publishPacket,
  sizeOf,
  subscription,
  written,
} from '../../support/client5';
import { hex } from '../../support/packets';

describe('the Maximum Packet Size of a client', () => {
  const maximumPacketSize = 64;
  const limited = { properties: { maximumPacketSize } };
  const tooLarge = 'x'.repeat(64);
  let broker: Broker5;
  let publisher: Client5;

  beforeAll(async () => {
    broker = await Broker5.start();
  });

  beforeEach(async () => {
    publisher = await broker.connect('publisher');
  });

  afterAll(() => broker.stop());

  for (const qos of [0, 1, 2] as const) {
    clause(
      ['MQTT-3.1.2-24', 'MQTT-3.1.2-25'],
      `counts a message too large at QoS ${qos} be dropped, and no other`,
      async () => {
        const client = await broker.connect('small', limited);
        await client.subscribe('size');
        for (const text of ['one', tooLarge, 'two']) await publisher.publish('size', text, { qos });

        expect(await client.hear()).toMatchObject({ text: 'one', qos });
        expect(await client.hear()).toMatchObject({ text: 'two', qos });
        expect(await broker.heardBy(client)).toEqual([]);
      },
    );

    clause('MQTT-3.1.2-24', `is reached by a packet of QoS ${qos}, and not exceeded`, async () => {
      const client = await broker.connect('exact', limited);
      await client.subscribe('size');
      const overhead = written(publishPacket('size', '', { qos, messageId: 1 })).length;
      for (const length of [65, 64, 66]) await publisher.publish('size', 'x'.repeat(length - overhead), { qos });
      await broker.cloud.settled();
      await client.ping();

      expect(client.rest().map(sizeOf)).toEqual([64]);
    });

    clause('MQTT-3.1.2-25', `counts a message too large at QoS ${qos} as acknowledged`, async () => {
      const client = await broker.connect('narrow', { properties: { maximumPacketSize, receiveMaximum: 1 } });
      await client.subscribe('size');
      for (const text of ['one', tooLarge, tooLarge, 'two', tooLarge, 'three']) {
        await publisher.publish('size', text, { qos });
      }
      const texts: string[] = [];
      for (let count = 0; count < 3; count++) texts.push((await client.hear()).text);

      expect(texts).toEqual(['one', 'two', 'three']);
      expect(await broker.heardBy(client)).toEqual([]);
    });
  }

  for (const qos of [1, 2] as const) {
    clause('MQTT-3.1.2-25', `drops waiting messages too, at QoS ${qos}, for good`, async () => {
      const before = await broker.resume(`waiting ${qos}`);
      await before.subscribe('size');
      await broker.leave(before);
      for (const text of [tooLarge, 'one', tooLarge, 'two']) await publisher.publish('size', text, { qos });
      const small = await broker.resume(`waiting ${qos}`, 600, limited);
      expect([(await small.hear()).text, (await small.hear()).text]).toEqual(['one', 'two']);
      await small.ping();
      await broker.lose(small);

      expect(await broker.heardBy(await broker.resume(`waiting ${qos}`))).toEqual([]);
    });
  }

  clause('MQTT-3.1.2-24', 'counts the properties', async () => {
    const client = await broker.connect('small', limited);
    await client.subscribe('size');
    await publisher.publish('size', 'x', { qos: 1, properties: { contentType: tooLarge } });
    await publisher.publish('size', 'x', { qos: 1, properties: { contentType: 'short' } });

    expect(await client.hear()).toMatchObject({ properties: { contentType: 'short' } });
    expect(await broker.heardBy(client)).toEqual([]);
  });

  clause('MQTT-3.1.2-24', 'counts properties that are added for the subscriber', async () => {
    const client = await broker.connect('small', limited);
    await client.subscribe('size', { subscriptionIdentifier: 268_435_455 });
    const overhead = written(publishPacket('size', '')).length;
    await publisher.publish('size', 'x'.repeat(64 - overhead)); // 5 bytes too many with the identifier
    await publisher.publish('size', 'y'.repeat(64 - overhead - 5));

    expect((await broker.heardBy(client)).map(({ text }) => text[0])).toEqual(['y']);
  });

  for (const qos of [0, 1] as const) {
    clause('MQTT-3.1.2-24', `excludes retained messages of QoS ${qos} that are too large`, async () => {
      await publisher.publish('kept/large', tooLarge, { qos, retain: true });
      await publisher.publish('kept/small', 'x', { qos, retain: true });
      const client = await broker.connect('small', limited);
      const before = broker.older.logged('packet too large').length;
      await client.subscribe('kept/+');

      expect((await broker.heardBy(client)).map(({ text }) => text)).toEqual(['x']);
      expect(broker.older.logged('packet too large')).toHaveLength(before + 1);
    });
  }

  it('does not affect other subscribers', async () => {
    const small = await broker.connect('small', limited);
    const large = await broker.connect('large');
    await small.subscribe('size');
    await large.subscribe('size');
    await publisher.publish('size', tooLarge, { qos: 1 });

    expect(await large.hear()).toMatchObject({ text: tooLarge });
    expect(await broker.heardBy(small)).toEqual([]);
  });

  it('above that of the server has no effect', async () => {
    const client = await broker.connect('large', { properties: { maximumPacketSize: 0xffff_ffff } });
    await client.subscribe('size');
    await publisher.publish('size', 'fine', { qos: 1 });

    expect(await client.hear()).toMatchObject({ text: 'fine' });
  });

  describe('leaves out the Reason String', () => {
    // Every acknowledgement has its reason code, and its reason string only if it fits.
    const tiny = { properties: { maximumPacketSize: 14 } };

    clause(['MQTT-3.4.2-2', 'MQTT-3.4.2-3'], 'in PUBACK', async () => {
      const client = await broker.connect('tiny', tiny);
      client.send(publishPacket('$SYS/a', 'x', { qos: 1, messageId: 1 }));
      const packet = await client.next('puback');

      expect(packet).toMatchObject({ reasonCode: 0x87 });
      expect(sizeOf(packet)).toBeLessThanOrEqual(14);
    });

    clause(['MQTT-3.5.2-2', 'MQTT-3.5.2-3'], 'in PUBREC', async () => {
      const client = await broker.connect('tiny', tiny);
      client.send(publishPacket('$SYS/a', 'x', { qos: 2, messageId: 1 }));
      const packet = await client.next('pubrec');

      expect(packet).toMatchObject({ reasonCode: 0x87 });
      expect(sizeOf(packet)).toBeLessThanOrEqual(14);
    });

    clause(['MQTT-3.6.2-2', 'MQTT-3.6.2-3'], 'in PUBREL', async () => {
      const client = await broker.connect('tiny', tiny);
      client.send({ cmd: 'pubrec', messageId: 1 });

      expect(sizeOf(await client.next('pubrel'))).toBeLessThanOrEqual(14);
    });

    clause(['MQTT-3.7.2-2', 'MQTT-3.7.2-3'], 'in PUBCOMP', async () => {
      const client = await broker.connect('tiny', tiny);
      client.send({ cmd: 'pubrel', messageId: 1 });

      expect(sizeOf(await client.next('pubcomp'))).toBeLessThanOrEqual(14);
    });

    clause(['MQTT-3.9.2-1', 'MQTT-3.9.2-2'], 'in SUBACK', async () => {
      const client = await broker.connect('tiny', tiny);
      client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [subscription('/'.repeat(1024))] });
      const packet = await client.next('suback');

      expect(packet).toMatchObject({ granted: [0x97] });
      expect(sizeOf(packet)).toBeLessThanOrEqual(14);
    });

    clause(['MQTT-3.11.2-1', 'MQTT-3.11.2-2'], 'in UNSUBACK', async () => {
      const client = await broker.connect('tiny', tiny);
      client.send({ cmd: 'unsubscribe', messageId: 1, unsubscriptions: ['nothing'] });
      const packet = await client.next('unsuback');

      expect(packet).toMatchObject({ granted: [0x11] });
      expect(sizeOf(packet)).toBeLessThanOrEqual(14);
    });
  });
});

describe('a packet larger than the client takes', () => {
  let broker: Broker5;

  beforeAll(async () => {
    broker = await Broker5.start();
  });

  afterAll(() => broker.stop());

  /** Returns all packets that a client gets until it is connected or closed. */
  async function answerTo(maximumPacketSize: number, fields: ConnectFields = {}, clientId = 'a') {
    const client = await broker.open();
    client.send(connectPacket(clientId, { ...fields, properties: { ...fields.properties, maximumPacketSize } }));
    await Promise.race([client.next('connack'), client.closed()]).catch(() => undefined);
    return client;
  }

  // With a client id of its own a client gets 16 bytes, of which it needs 13.
  for (const maximum of [13, 14, 15, 16, 17]) {
    clause('MQTT-3.1.2-24', `is no CONNACK at ${maximum} bytes, which has the required properties`, async () => {
      const client = await answerTo(maximum);
      await client.ping();

      expect(client.bytes.length - 2).toBe(maximum < 16 ? 13 : 16);
    });
  }

  for (const [what, clientId, maximum, fields] of [
    ['the receive maximum', 'a', 12, {}],
    ['an assigned client id', '', 20, {}],
    ['a server keep-alive', 'a', 15, { keepalive: 0 }],
  ] as const) {
    clause('MQTT-3.1.2-24', `is no CONNACK without ${what}: the client is refused with 0x95`, async () => {
      const seen = await broker.older.rows();
      const client = await answerTo(maximum, fields, clientId);
      await client.closed();

      expect(client.bytes.length).toBeLessThanOrEqual(maximum);
      expect(client.bytes).toEqual(hex('20 03 00 95 00'));
      expect(await broker.older.rows()).toEqual(seen);
    });
  }

  clause('MQTT-3.1.2-24', 'is no refusal either: a client that takes no packet is closed', async () => {
    for (const [maximum, length] of [
      [1, 0],
      [4, 0],
      [5, 5],
      [20, 5],
    ] as const) {
      for (const fields of [{ clean: true }, { properties: { authenticationMethod: 'SCRAM-SHA-1' } }]) {
        const client = await answerTo(maximum, fields, '');
        await client.closed();

        expect(client.bytes).toHaveLength(length);
      }
    }
  });

  clause('MQTT-3.1.2-24', 'is no CONNACK for a CONNECT that is malformed behind its properties', async () => {
    const packet = written(connectPacket('a', { properties: { maximumPacketSize: 16 } }));
    const client = await broker.open();
    client.sendBytes(Buffer.concat([packet.subarray(0, -1), Buffer.of(0)])); // U+0000 in the client id
    await client.closed();

    expect(client.bytes).toEqual(hex('20 03 00 81 00'));
  });

  for (const [cmd, limit] of [
    ['suback', 25],
    ['unsuback', 25],
  ] as const) {
    clause(['MQTT-3.1.2-24', 'MQTT-4.13.1-1'], `is no ${cmd.toUpperCase()}: 0x95, without an effect`, async () => {
      const client = await broker.resume(`answers ${cmd}`, 600, { properties: { maximumPacketSize: 30 } });
      const names = Array.from({ length: 60 }, (_, index) => `${cmd}/${index}`);
      const packetOf = (topics: string[]): Packet =>
        cmd === 'suback'
          ? { cmd: 'subscribe', messageId: 1, subscriptions: topics.map(subscription) }
          : { cmd: 'unsubscribe', messageId: 1, unsubscriptions: topics };
      client.send(packetOf(names.slice(0, limit)));
      expect(sizeOf(await client.next(cmd))).toBe(30);
      const rows = await broker.older.rows();
      client.send(packetOf(names));

      expect(await client.farewell()).toMatchObject({ reasonCode: 0x95 });
      const kept = (all: string[]) => all.filter((row) => row.startsWith('topicIndex'));
      expect(kept(await broker.older.rows())).toEqual(kept(rows));
    });
  }

  clause(['MQTT-3.1.2-24', 'MQTT-3.14.2-3'], 'is never sent to a client with a small limit', async () => {
    const publisher = await broker.connect('publisher');
    const client = await broker.resume('little room', 600, { properties: { maximumPacketSize: 16 } });
    await client.subscribe('room');
    for (const qos of [0, 1, 2] as const) {
      for (const text of ['x', 'x'.repeat(20)]) await publisher.publish('room', text, { qos });
      await client.hear();
      client.send(
        publishPacket('nobody', 'x', { qos, messageId: 9 }),
        publishPacket('$SYS/a', 'x', { qos, messageId: 10 }),
      );
    }
    client.send({ cmd: 'pubrel', messageId: 9 }, { cmd: 'pubrel', messageId: 11 }, { cmd: 'pubrec', messageId: 12 });
    client.send({ cmd: 'unsubscribe', messageId: 1, unsubscriptions: ['room'] });
    await client.ping();
    client.sendBytes(hex('82 07 0001 00 0001 61 30'));
    await client.closed();

    const { packets } = splitPackets(Buffer.alloc(0), client.bytes);
    expect(Math.max(...packets.map(({ length }) => length))).toBeLessThanOrEqual(16);
    const { connack, publish, puback, pubrec, pubrel, pubcomp, suback, unsuback, pingresp, disconnect } = packetType;
    const kinds = new Set(packets.map(([header = 0]) => header >> 4));
    expect(kinds).toEqual(
      new Set([connack, publish, puback, pubrec, pubrel, pubcomp, suback, unsuback, pingresp, disconnect]),
    );
  });
});

describe('Request Problem Information', () => {
  let broker: Broker5;

  beforeAll(async () => {
    broker = await Broker5.start();
  });

  afterAll(() => broker.stop());

  clause('MQTT-3.1.2-29', 'of 0 keeps reason strings out of everything but CONNACK and DISCONNECT', async () => {
    const client = await broker.connect('terse', { properties: { requestProblemInformation: false } });
    client.send(
      publishPacket('$SYS/a', 'x', { qos: 1, messageId: 1 }),
      publishPacket('$SYS/a', 'x', { qos: 2, messageId: 2 }),
      publishPacket('nobody', 'x', { qos: 1, messageId: 3 }),
      publishPacket('text', Buffer.from([0xff]), {
        qos: 1,
        messageId: 4,
        properties: { payloadFormatIndicator: true },
      }),
      { cmd: 'pubrel', messageId: 5 },
      { cmd: 'pubrec', messageId: 6 },
      {
        cmd: 'subscribe',
        messageId: 7,
        subscriptions: [subscription('/'.repeat(1024))],
      },
      { cmd: 'unsubscribe', messageId: 8, unsubscriptions: ['nothing'] },
    );
    await client.ping();
    const answers = client.rest();

    expect(answers.map(({ cmd }) => cmd).sort()).toEqual(
      ['puback', 'pubrec', 'puback', 'puback', 'pubcomp', 'pubrel', 'suback', 'unsuback'].sort(),
    );
    expect(
      answers.filter((packet) => 'properties' in packet && Object.keys(packet.properties ?? {}).length > 0),
    ).toEqual([]);
  });
});

describe('a message that grows on its way out', () => {
  const largestIncoming = 97_280;
  let broker: Broker5;
  let publisher: Client5;

  beforeAll(async () => {
    broker = await Broker5.start({ settings: { maxShapes: 1024 } });
  });

  beforeEach(async () => {
    publisher = await broker.connect('publisher');
  });

  afterAll(() => broker.stop());

  /** Payload that makes a PUBLISH to this topic as large as a client may send it. */
  function largestPayload(topic: string, version: 4 | 5): Buffer {
    const packet = publishPacket(topic, Buffer.alloc(90_000), { qos: 1, messageId: 1 });
    const size = version === 5 ? written(packet).length : written(packet).length - 1; // no property length
    return Buffer.alloc(90_000 + largestIncoming - size, 'x');
  }

  for (const isOnline of [true, false]) {
    it(`reaches a subscriber of MQTT 5.0 that is ${isOnline ? 'online' : 'offline'}, and so does what follows`, async () => {
      const clientId = `grows ${isOnline}`;
      const before = await broker.resume(clientId);
      await before.subscribe({ topic: 'grows' }, { subscriptionIdentifier: 268_435_455 });
      if (!isOnline) await broker.leave(before);
      const older = await broker.older.connect('older publisher');
      const payload = largestPayload('grows', 4);
      await older.publish('grows', payload, { qos: 1 });
      await older.publish('grows', 'behind', { qos: 1 });
      const subscriber = isOnline ? before : await broker.resume(clientId);

      expect((await subscriber.hear()).text).toHaveLength(payload.length);
      expect(await subscriber.hear()).toMatchObject({ text: 'behind' });
      await broker.leave(subscriber);
    });
  }

  describe('larger than a post, because its topic came as an alias,', () => {
    const topic = `alias/${'x'.repeat(4000)}`;
    const payload = Buffer.alloc(largestIncoming - 100);

    for (const qos of [1, 2] as const) {
      clause('MQTT-4.3.2-4', `is refused with 0x97 at QoS ${qos}, and the connection stays open`, async () => {
        await publisher.publish(topic, 'sets up the alias', { properties: { topicAlias: 1 } });
        publisher.send(publishPacket('', payload, { qos, messageId: 9, properties: { topicAlias: 1 } }));

        expect(await publisher.next(qos === 1 ? 'puback' : 'pubrec')).toMatchObject({ messageId: 9, reasonCode: 0x97 });
        expect(await publisher.publish('other', 'x', { qos: 1 })).toBe(0x10);
      });
    }

    clause('MQTT-4.13.1-1', 'ends the connection with 0x95 at QoS 0', async () => {
      await publisher.publish(topic, 'sets up the alias', { properties: { topicAlias: 1 } });
      publisher.send(publishPacket('', payload, { properties: { topicAlias: 1 } }));

      expect(await publisher.farewell()).toMatchObject({ reasonCode: 0x95 });
    });
  });

  /** 210 filters that match one topic: each of its levels is literal or a wildcard. */
  function overlapping(topic: string): string[] {
    const levels = topic.split('/');
    return Array.from({ length: 210 }, (_, index) =>
      levels.map((level, position) => ((index >> position) & 1 ? '+' : level)).join('/'),
    );
  }

  for (const isOnline of [true, false]) {
    it(`larger for one subscriber with too many identifiers, ${isOnline ? 'online' : 'offline'}, is dropped for that subscriber`, async () => {
      const topic = 'a/b/c/d/e/f/g/h';
      const clientId = `overlaps ${isOnline}`;
      const helper = await broker.connect('brings half of the shapes, more than one client may');
      await helper.subscribe(overlapping(topic).slice(0, 105));
      const before = await broker.resume(clientId);
      for (const [index, filter] of overlapping(topic).entries()) {
        await before.subscribe({ topic: filter }, { subscriptionIdentifier: 268_435_455 - index });
      }
      await broker.leave(helper);
      if (!isOnline) await broker.leave(before);
      const dropped = broker.older.logged('packet too large').length;
      await publisher.publish(topic, largestPayload(topic, 5), { qos: 1 });
      await publisher.publish(topic, 'behind', { qos: 1 });
      const subscriber = isOnline ? before : await broker.resume(clientId);

      expect(await subscriber.hear()).toMatchObject({ text: 'behind' });
      expect(broker.older.logged('packet too large')).toHaveLength(dropped + 1);
      await broker.leave(subscriber);
      await broker.connect(clientId); // ends the session
    });
  }
});
