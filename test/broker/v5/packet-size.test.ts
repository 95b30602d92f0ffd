/*
 * Proved elsewhere: a Maximum Packet Size of 0, and a CONNACK that has to be small: connect.test.ts; a DISCONNECT that has to be:
 *   disconnect.test.ts; what is too large for the server: disconnect.test.ts.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Broker5 } from '../../support/broker5';
import { clause } from '../../support/clause';
import { type Client5, publishPacket, sizeOf, subscription, written } from '../../support/client5';

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
      `lets a message too large at QoS ${qos} be dropped, and no other`,
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

    clause('MQTT-3.1.2-25', `lets a message too large at QoS ${qos} count as acknowledged`, async () => {
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
    clause('MQTT-3.1.2-25', `drops what waited too, at QoS ${qos}, once and for all`, async () => {
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

  clause('MQTT-3.1.2-24', 'counts what is added for the subscriber', async () => {
    const client = await broker.connect('small', limited);
    await client.subscribe('size', { subscriptionIdentifier: 268_435_455 });
    const overhead = written(publishPacket('size', '')).length;
    await publisher.publish('size', 'x'.repeat(64 - overhead)); // 5 bytes too many with the identifier
    await publisher.publish('size', 'y'.repeat(64 - overhead - 5));

    expect((await broker.heardBy(client)).map(({ text }) => text[0])).toEqual(['y']);
  });

  for (const qos of [0, 1] as const) {
    clause('MQTT-3.1.2-24', `keeps retained messages of QoS ${qos} out that are too large`, async () => {
      await publisher.publish('kept/large', tooLarge, { qos, retain: true });
      await publisher.publish('kept/small', 'x', { qos, retain: true });
      const client = await broker.connect('small', limited);
      const before = broker.older.logged('packet too large').length;
      await client.subscribe('kept/+');

      expect((await broker.heardBy(client)).map(({ text }) => text)).toEqual(['x']);
      expect(broker.older.logged('packet too large')).toHaveLength(before + 1);
    });
  }

  it('is not for others to feel', async () => {
    const small = await broker.connect('small', limited);
    const large = await broker.connect('large');
    await small.subscribe('size');
    await large.subscribe('size');
    await publisher.publish('size', tooLarge, { qos: 1 });

    expect(await large.hear()).toMatchObject({ text: tooLarge });
    expect(await broker.heardBy(small)).toEqual([]);
  });

  it('above that of this server is no promise', async () => {
    const client = await broker.connect('large', { properties: { maximumPacketSize: 0xffff_ffff } });
    await client.subscribe('size');
    await publisher.publish('size', 'fine', { qos: 1 });

    expect(await client.hear()).toMatchObject({ text: 'fine' });
  });

  describe('leaves out why', () => {
    // Every acknowledgement says its reason code, and its reason string only if there is room.
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
      client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [subscription('+/+/+/+/+/+/+/+/+')] });
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
        subscriptions: [subscription('+/+/+/+/+/+/+/+/+')],
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
    broker = await Broker5.start({ settings: { maxShapes: 300 } });
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

  describe('beyond what a post takes, because its topic came as an alias,', () => {
    const topic = `alias/${'x'.repeat(4000)}`;
    const payload = Buffer.alloc(largestIncoming - 100);

    for (const qos of [1, 2] as const) {
      clause('MQTT-4.3.2-4', `is refused with 0x97 at QoS ${qos}, and the connection goes on`, async () => {
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

  /** 210 filters that match one topic: each of its levels is said or a wildcard. */
  function overlapping(topic: string): string[] {
    const levels = topic.split('/');
    return Array.from({ length: 210 }, (_, index) =>
      levels.map((level, position) => ((index >> position) & 1 ? '+' : level)).join('/'),
    );
  }

  for (const isOnline of [true, false]) {
    it(`beyond it for one subscriber with too many identifiers, ${isOnline ? 'online' : 'offline'}, is dropped for that one`, async () => {
      const topic = 'a/b/c/d/e/f/g/h';
      const clientId = `overlaps ${isOnline}`;
      const before = await broker.resume(clientId);
      for (const [index, filter] of overlapping(topic).entries()) {
        await before.subscribe({ topic: filter }, { subscriptionIdentifier: 268_435_455 - index });
      }
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
