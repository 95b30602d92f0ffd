import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Broker5, forever } from '../../support/broker5';
import { clause } from '../../support/clause';
import type { Client5 } from '../../support/client5';
import type { TextClient } from '../../support/text-client';

const second = 1000;

const properties = {
  payloadFormatIndicator: true,
  messageExpiryInterval: 1000,
  contentType: 'text/plain',
  responseTopic: 'answers',
  correlationData: Buffer.from([0, 255]),
  userProperties: { a: ['1', '2'] },
};

describe('clients of MQTT 3.1.1 and 5.0 in one broker', () => {
  let broker: Broker5;
  let newer: Client5;
  let older: TextClient;

  beforeAll(async () => {
    broker = await Broker5.start();
    broker.cloud.clock.hold();
  });

  beforeEach(async () => {
    newer = await broker.connect('newer');
    older = await broker.older.connect('older');
  });

  afterAll(() => broker.stop());

  for (const qos of [0, 1, 2] as const) {
    it(`receive each other's messages at QoS ${qos}; from 5.0 to 3.1.1 without properties`, async () => {
      await older.subscribe(2, 'down');
      await newer.publish('down', 'hello', { qos, properties });

      expect(await older.hear()).toEqual({ topic: 'down', text: 'hello', qos, retain: false, dup: false });
    });

    it(`receive each other's messages at QoS ${qos}; from 3.1.1 to 5.0 with none`, async () => {
      await newer.subscribe('up');
      await older.publish('up', 'hello', { qos });

      expect(await newer.hear()).toEqual({
        topic: 'up',
        text: 'hello',
        qos,
        retain: false,
        dup: false,
        properties: {},
      });
    });

    it(`receive one message of QoS ${qos} each in its own version`, async () => {
      await newer.subscribe('both', { subscriptionIdentifier: 9 });
      await older.subscribe(2, 'both');
      const publisher = await broker.connect('publisher');
      await publisher.publish('both', 'hello', { qos, properties: { contentType: 'text/plain' } });

      expect((await newer.hear()).properties).toEqual({ contentType: 'text/plain', subscriptionIdentifier: 9 });
      expect(await older.hear()).toMatchObject({ text: 'hello', qos });
    });
  }

  it('share retained messages', async () => {
    await newer.publish('kept/by/newer', 'n', { qos: 1, retain: true, properties });
    await older.publish('kept/by/older', 'o', { qos: 1, retain: true });
    await older.subscribe(1, 'kept/by/newer');
    await newer.subscribe('kept/by/older');

    expect(await older.hear()).toEqual({ topic: 'kept/by/newer', text: 'n', qos: 1, retain: true, dup: false });
    expect((await newer.hear()).properties).toEqual({});
  });

  clause('MQTT-3.3.2-5', 'receive no expired message, also in 3.1.1', async () => {
    const sleeper = await broker.older.resume('sleeper');
    await sleeper.subscribe(1, 'news');
    await sleeper.disconnect();
    await newer.publish('news', 'old', { qos: 1, retain: true, properties: { messageExpiryInterval: 10 } });
    await newer.publish('news', 'lasting', { qos: 1 });
    broker.cloud.clock.jump(11 * second);
    const again = await broker.older.resume('sleeper');
    const visitor = await broker.older.connect('visitor');
    await visitor.subscribe(1, 'news');

    expect((await broker.older.heardBy(again)).map(({ text }) => text)).toEqual(['lasting']);
    expect(await broker.older.heardBy(visitor)).toEqual([]);
  });

  it('get errors in their own version', async () => {
    older.send({ cmd: 'publish', topic: '$SYS/a', payload: 'x', qos: 1, messageId: 7, retain: false, dup: false });
    older.send({ cmd: 'unsubscribe', messageId: 8, unsubscriptions: ['nothing'] });

    expect(await older.next('puback')).toMatchObject({ messageId: 7, length: 2 });
    expect(await older.next('unsuback')).toMatchObject({ messageId: 8, length: 2 });
  });

  it('are closed without a packet in 3.1.1 when 5.0 takes over, and with 0x8e the other way', async () => {
    const first = await broker.older.connect('same');
    const second = await broker.connect('same');
    await first.closed();
    expect(first.rest()).toEqual([]);
    await broker.older.connect('same');

    expect(await second.farewell()).toMatchObject({ reasonCode: 0x8e });
  });

  describe('that are one client', () => {
    it('resume in 5.0 a session of 3.1.1', async () => {
      const before = await broker.older.resume('grown');
      await before.subscribe(1, 'to/grown');
      await before.disconnect();
      for (let count = 0; count < 20; count++) await newer.publish('to/grown', `${count}`, { qos: 1, properties });
      const after = await broker.resume('grown');
      const heard = await broker.heardBy(after);

      expect(after.connack).toMatchObject({ sessionPresent: true });
      expect(heard.map(({ text }) => text)).toEqual(Array.from({ length: 20 }, (_, count) => `${count}`));
      expect(heard[0]?.properties).toMatchObject({ contentType: 'text/plain', userProperties: { a: ['1', '2'] } });
    });

    clause('MQTT-3.3.4-9', 'resume in 5.0 with a Receive Maximum a session of 3.1.1', async () => {
      const before = await broker.older.resume('careful');
      await before.subscribe(2, 'to/careful');
      await before.disconnect();
      const texts = Array.from({ length: 20 }, (_, count) => `${count}`);
      await newer.publishTogether(1, ...texts.map((text) => ['to/careful', text] as const));
      const after = await broker.resume('careful', forever, { properties: { receiveMaximum: 3 } });
      const heard: string[] = [];
      while (heard.length < 20) {
        await broker.cloud.settled();
        await after.ping();
        const packets = after.rest().filter((packet) => packet.cmd === 'publish');
        expect(packets.length).toBeGreaterThan(0);
        expect(packets.length).toBeLessThanOrEqual(3);
        for (const packet of packets) await after.acknowledge(packet);
        heard.push(...packets.map(({ payload }) => String(payload)));
      }

      expect(heard).toEqual(texts);
    });

    it('resume in 3.1.1 a session of 5.0', async () => {
      const before = await broker.resume('aged');
      await before.subscribe({ topic: 'to/aged', rap: true }, { subscriptionIdentifier: 3 });
      await broker.leave(before);
      await newer.publish('to/aged', 'waiting', { qos: 1, properties });
      const after = await broker.older.resume('aged');
      await newer.publish('to/aged', 'live', { qos: 1, properties });

      expect(after.connack).toMatchObject({ sessionPresent: true });
      expect(await after.hear()).toMatchObject({ text: 'waiting', qos: 1 });
      expect(await after.hear()).toMatchObject({ text: 'live', qos: 1 });
    });

    it('keep in 3.1.1 without a clean session a session that would expire in 5.0', async () => {
      await broker.leave(await broker.resume('kept', 60));
      await (await broker.older.resume('kept')).disconnect();
      broker.cloud.clock.jump(3600 * second);

      expect((await broker.resume('kept')).connack).toMatchObject({ sessionPresent: true });
    });

    it('end in 3.1.1 with a clean session a session of 5.0', async () => {
      await broker.leave(await broker.resume('ended', 600));
      await (await broker.older.connect('ended')).disconnect();

      expect((await broker.resume('ended')).connack).toMatchObject({ sessionPresent: false });
    });
  });

  it('receive the wills of 5.0 in 3.1.1, after their delay', async () => {
    await older.subscribe(1, 'will');
    const payload = Buffer.from('gone');
    const will = { topic: 'will', payload, qos: 1, properties: { willDelayInterval: 5, contentType: 'x' } } as const;
    await broker.lose(await broker.resume('mortal', 600, { will: { ...will, retain: false } }));
    expect(await broker.older.heardBy(older)).toEqual([]);
    broker.cloud.clock.jump(6 * second);

    expect(await older.hear()).toEqual({ topic: 'will', text: 'gone', qos: 1, retain: false, dup: false });
  });

  it('are recipients of one fan-out', async () => {
    const other = await Broker5.start({ settings: { inlineRecipients: 1 } });
    const [five, four] = [await other.connect('five'), await other.older.connect('four')];
    await five.subscribe({ topic: 'crowd', rap: true }, { subscriptionIdentifier: 4 });
    await four.subscribe(1, 'crowd');
    const publisher = await other.connect('publisher');
    await publisher.subscribe({ topic: 'crowd', nl: true });
    const { messageExpiryInterval: _, ...lasting } = properties;
    await publisher.publish('crowd', 'hello', { qos: 1, retain: true, properties: lasting });

    expect(await five.hear()).toMatchObject({
      text: 'hello',
      retain: true,
      properties: { ...lasting, subscriptionIdentifier: 4 },
    });
    expect(await four.hear()).toEqual({ topic: 'crowd', text: 'hello', qos: 1, retain: false, dup: false });
    expect(await other.heardBy(publisher)).toEqual([]);
    await other.stop();
  });
});
