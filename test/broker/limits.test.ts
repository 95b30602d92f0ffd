/*
 * Proved elsewhere: the queue limit: session.test.ts; frames too large for the gateway: framing.test.ts; many recipients:
 *   fan-out.test.ts; limits of the rules alone: test/protocol.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { generate } from 'mqtt-packet';
import { clause } from '../support/clause';
import { TestBroker } from '../support/test-broker';
import { publishPacket, type TextClient } from '../support/text-client';

/** Largest packet of a client, fixed header included. */
const maximumPacketSize = 97_280;

describe('the limits', () => {
  let broker: TestBroker;
  let publisher: TextClient;
  let subscriber: TextClient;

  beforeAll(async () => {
    broker = await TestBroker.start({ settings: { maxShapes: 24, maxWildcards: 4 } });
    publisher = await broker.connect('publisher');
    subscriber = await broker.connect('subscriber');
    await subscriber.subscribe(2, 'big/#');
  });

  afterAll(() => broker.stop());

  /** Returns a PUBLISH of exactly this size. */
  function packetOf(size: number, qos: 0 | 1): Buffer {
    const rest = generate(publishPacket('big/one', Buffer.alloc(20_000), { qos, messageId: 7 })).length - 20_000;
    return generate(publishPacket('big/one', Buffer.alloc(size - rest, 'x'), { qos, messageId: 7 }));
  }

  for (const qos of [0, 1] as const) {
    it(`allow a packet of 97,280 bytes at QoS ${qos}, and its subscriber gets all of it`, async () => {
      const packet = packetOf(maximumPacketSize, qos);
      expect(packet).toHaveLength(maximumPacketSize);
      publisher.sendStream(packet);

      const { payload } = await subscriber.next('publish');
      expect(payload).toHaveLength(maximumPacketSize - (qos === 0 ? 13 : 15));
      await publisher.ping();
    });
  }

  it('close the connection of a packet with one byte more, and no other', async () => {
    const offender = await broker.connect('offender');
    offender.sendStream(packetOf(maximumPacketSize + 1, 1));
    await offender.closed();

    expect(await broker.heardBy(subscriber)).toEqual([]);
    expect(broker.logged('protocol error').at(-1)?.message).toContain('97281 bytes');
  });

  it('keep the packets before a packet that is too large', async () => {
    const offender = await broker.connect('offender');
    const before = generate(publishPacket('big/before', 'counts'));
    offender.sendBytes(Buffer.concat([before, packetOf(maximumPacketSize + 1, 0).subarray(0, 100)]));
    await offender.closed();

    expect(await broker.heardBy(subscriber)).toMatchObject([{ text: 'counts' }]);
  });

  it('keep a message of the largest size for a client that is away, and as a retained message', async () => {
    const before = await broker.resume('absent');
    await before.subscribe(1, 'big/one');
    await before.disconnect();
    const largest = packetOf(maximumPacketSize, 1);
    largest[0] = (largest[0] ?? 0) | 1; // RETAIN
    publisher.sendStream(largest);
    await publisher.next('puback');
    const after = await broker.resume('absent');
    expect((await after.hear()).text).toHaveLength(maximumPacketSize - 15);
    const visitor = await broker.connect('visitor');
    await visitor.subscribe(1, 'big/one');

    expect(await visitor.hear()).toMatchObject({ retain: true });
    expect((await broker.heardBy(subscriber)).map(({ text }) => text.length)).toEqual([maximumPacketSize - 15]);
  });

  clause('v3 MQTT-4.7.3-3', 'allow topics and filters of tens of thousands of bytes', async () => {
    const topic = `long/${'ü'.repeat(10_000)}`;
    await subscriber.subscribe(1, `${topic}/a`, `${topic}/b`);
    await publisher.publish(`${topic}/b`, 'hello', { qos: 1 });

    expect(await subscriber.hear()).toMatchObject({ topic: `${topic}/b`, text: 'hello' });
    await subscriber.unsubscribe(`${topic}/b`);
    await publisher.publish(`${topic}/b`, 'hello', { qos: 1 });
    expect(await broker.heardBy(subscriber)).toEqual([]);
  });

  clause('v3 MQTT-4.7.1-3', 'allow topics and filters of 200 levels', async () => {
    const levels = Array.from({ length: 200 }, (_, index) => String(index));
    await subscriber.subscribe(1, levels.join('/'), [...levels.slice(0, 199), '+', '#'].join('/'));
    await publisher.publish(levels.join('/'), 'deep', { qos: 1, retain: true });
    expect(await subscriber.hear()).toMatchObject({ text: 'deep' });
    const visitor = await broker.connect('diver');
    await visitor.subscribe(0, ['+', ...levels.slice(1)].join('/'));

    expect(await visitor.hear()).toMatchObject({ text: 'deep', retain: true });
  });

  clause('v3 MQTT-3.9.3-1', 'refuse a filter with so many levels that its shape exceeds a key', async () => {
    const deep = '/'.repeat(2000);
    expect(await subscriber.subscribe(1, deep, 'big/two')).toEqual([0x80, 1]);
    await publisher.publish(deep, 'nobody hears it', { qos: 1, retain: true });
    await subscriber.unsubscribe(deep);

    expect(await broker.heardBy(subscriber)).toEqual([]);
  });

  clause('v3 MQTT-3.9.3-1', 'refuse a filter with too many wildcards', async () => {
    expect(await subscriber.subscribe(1, '+/+/+/+/+', '+/+/+/+')).toEqual([0x80, 1]);
  });

  it('allow a retained message with a topic of 60,000 bytes', async () => {
    const topic = `big/${'x'.repeat(60_000)}`;
    await publisher.publish(topic, 'hello', { qos: 1, retain: true });

    expect(await subscriber.hear()).toMatchObject({ topic, text: 'hello' });
  });

  it('allow hundreds of filters in one packet', async () => {
    const filters = Array.from({ length: 300 }, (_, index) => `f/${index}`);
    const glutton = await broker.connect('glutton');
    const subscriptions = filters.map((topic) => ({ topic, qos: 1 }) as const);
    glutton.send({ cmd: 'subscribe', messageId: 1, subscriptions });
    expect((await glutton.next('suback')).granted).toHaveLength(300);
    await publisher.publish('f/299', 'hello', { qos: 1 });

    expect(await glutton.hear()).toMatchObject({ text: 'hello' });
    await glutton.disconnect();
  });

  clause('v3 MQTT-3.9.3-1', 'refuse one shape too many, and nothing else in the same packet', async () => {
    const client = await broker.connect('inventive');
    const shapes = Array.from({ length: 12 }, (_, index) => `${'s/'.repeat(10 + index)}+`);
    const codes = await client.subscribe(1, ...shapes, 'big/three');

    expect(codes.filter((code) => code === 0x80).length).toBeGreaterThan(0);
    expect(codes.at(-1)).toBe(1);
    expect(broker.logged('shape limit').length).toBeGreaterThan(0);
    expect(broker.logged('turn failed')).toEqual([]);
  });
});
