/*
 * Proved elsewhere: what a topic filter matches: test/protocol; options out of range: disconnect.test.ts; what is retained:
 *   retained.test.ts; $share: shared-subscriptions.test.ts.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { QoS } from 'mqtt-packet';
import { Broker5 } from '../../support/broker5';
import { clause } from '../../support/clause';
import { type Client5, publishPacket, subscription } from '../../support/client5';

describe('SUBSCRIBE', () => {
  let broker: Broker5;
  let publisher: Client5;
  let subscriber: Client5;

  beforeAll(async () => {
    broker = await Broker5.start({ settings: { refusedFilters: ['secret/#'], maxWildcards: 3 } });
  });

  beforeEach(async () => {
    publisher = await broker.connect('publisher');
    subscriber = await broker.connect('subscriber');
  });

  afterAll(() => broker.stop());

  async function heard(): Promise<string[]> {
    return (await broker.heardBy(subscriber)).map(({ text }) => text);
  }

  describe('is answered', () => {
    clause(['MQTT-3.8.4-1', 'MQTT-3.8.4-2', 'MQTT-2.2.1-6'], 'with SUBACK under its packet id', async () => {
      subscriber.send({ cmd: 'subscribe', messageId: 65_535, subscriptions: [subscription('a')] });

      expect(await subscriber.next('suback')).toMatchObject({ messageId: 65_535, granted: [2] });
    });

    clause(
      ['MQTT-3.8.4-6', 'MQTT-3.8.4-7', 'MQTT-3.9.3-1', 'MQTT-3.9.3-2', 'MQTT-3.8.4-5'],
      'with a code for each filter, in their order',
      async () => {
        const codes = await subscriber.subscribe([
          { topic: 'answered/a', qos: 1 },
          'secret/plans',
          { topic: 'answered/b', qos: 0 },
          '+/+/+/+',
          'answered/#',
          { topic: 'answered/c', qos: 1 },
        ]);
        expect(codes).toEqual([1, 0x80, 0, 0x97, 2, 1]);
        await publisher.publish('answered/a', 'x', { qos: 2 });

        expect(await subscriber.hear()).toMatchObject({ text: 'x', qos: 2 });
      },
    );

    it('with 0x97 when it would be a shape too many', async () => {
      const other = await Broker5.start({ settings: { maxShapes: 1 } });
      const client = await other.connect('shapely');
      expect(await client.subscribe(['plain', '+', 'another/plain'])).toEqual([2, 0x97, 0x97]);
      await other.stop();
    });
  });

  for (const granted of [0, 1, 2] as const) {
    clause('MQTT-3.8.4-8', `granted ${granted} is served at no more than ${granted}, nor than published`, async () => {
      await subscriber.subscribe({ topic: 'levels', qos: granted });
      for (const qos of [0, 1, 2] as const) {
        await publisher.publish('levels', `at ${qos}`, { qos });
        expect(await subscriber.hear()).toMatchObject({ text: `at ${qos}`, qos: Math.min(qos, granted) });
      }
    });
  }

  describe('with overlapping filters', () => {
    clause('MQTT-3.3.4-2', 'is served once, at the highest QoS', async () => {
      await subscriber.subscribe([
        { topic: 'over/+', qos: 0 },
        { topic: 'over/#', qos: 2 },
        { topic: 'over/lap', qos: 1 },
      ]);
      for (const qos of [0, 1, 2] as const) await publisher.publish('over/lap', `at ${qos}`, { qos });

      expect((await broker.heardBy(subscriber)).map(({ text, qos }) => [text, qos])).toEqual([
        ['at 0', 0],
        ['at 1', 1],
        ['at 2', 2],
      ]);
    });
  });

  describe('with a subscription identifier', () => {
    async function identifiersOf(topic: string, qos: QoS): Promise<number[]> {
      await publisher.publish(topic, 'x', { qos });
      const { subscriptionIdentifier = [] } = (await subscriber.hear()).properties;
      return [subscriptionIdentifier].flat().sort((a, b) => a - b);
    }

    for (const qos of [0, 1, 2] as const) {
      clause('MQTT-3.3.4-3', `at QoS ${qos} is served with it`, async () => {
        for (const subscriptionIdentifier of [1, 127, 128, 16_384, 268_435_455]) {
          await subscriber.subscribe('numbered', { subscriptionIdentifier });
          expect(await identifiersOf('numbered', qos)).toEqual([subscriptionIdentifier]);
        }
      });

      clause('MQTT-3.3.4-4', `at QoS ${qos} is served with all that match, and no other`, async () => {
        await subscriber.subscribe(['several/+', 'elsewhere'], { subscriptionIdentifier: 1 });
        await subscriber.subscribe('several/#', { subscriptionIdentifier: 300 });
        await subscriber.subscribe('+/a');
        await subscriber.subscribe('several/b', { subscriptionIdentifier: 2 });

        expect(await identifiersOf('several/a', qos)).toEqual([1, 300]);
        expect(await identifiersOf('several/b', qos)).toEqual([1, 2, 300]);
        expect(await identifiersOf('several/b/c', qos)).toEqual([300]);
        expect(await identifiersOf('elsewhere', qos)).toEqual([1]);
        expect(await identifiersOf('other/a', qos)).toEqual([]);
      });
    }

    clause('MQTT-3.3.4-3', 'is served with it after a reconnect, and with what waited for one', async () => {
      const before = await broker.resume('returning');
      await before.subscribe('waiting/+', { subscriptionIdentifier: 7 });
      await broker.leave(before);
      await publisher.publish('waiting/a', 'while away', { qos: 1 });
      subscriber = await broker.resume('returning');

      expect((await subscriber.hear()).properties).toEqual({ subscriptionIdentifier: 7 });
      expect(await identifiersOf('waiting/b', 0)).toEqual([7]);
    });

    clause('MQTT-3.3.4-3', 'has it with retained messages too, and there only its own', async () => {
      await publisher.publish('kept/a', 'x', { qos: 1, retain: true });
      await subscriber.subscribe({ topic: 'kept/+', rh: 2 }, { subscriptionIdentifier: 1 });
      for (const qos of [0, 1] as const) {
        await subscriber.subscribe({ topic: 'kept/#', qos }, { subscriptionIdentifier: 2 });
        expect((await subscriber.hear()).properties).toEqual({ subscriptionIdentifier: 2 });
      }
    });

    it("that several clients use is each one's own", async () => {
      const other = await broker.connect('other');
      await subscriber.subscribe('common', { subscriptionIdentifier: 1 });
      await other.subscribe('common', { subscriptionIdentifier: 2 });
      await publisher.publish('common', 'x');

      expect((await subscriber.hear()).properties).toEqual({ subscriptionIdentifier: 1 });
      expect((await other.hear()).properties).toEqual({ subscriptionIdentifier: 2 });
    });
  });

  describe('to the same filter again', () => {
    clause('MQTT-3.8.4-3', 'replaces the subscription, its QoS, options and identifier', async () => {
      const wanted = { topic: 'again', qos: 2, rap: true, nl: true } as const;
      await subscriber.subscribe(wanted, { subscriptionIdentifier: 1 });
      await subscriber.subscribe({ topic: 'again', qos: 1 });
      await subscriber.publish('again', 'own', { qos: 2, retain: true });

      const message = { text: 'own', qos: 1, retain: false, properties: {} };
      expect(await broker.heardBy(subscriber)).toMatchObject([message]);
      await publisher.publish('again', '', { retain: true });
    });

    clause('MQTT-3.8.4-3', 'in one SUBSCRIBE counts as it was said last', async () => {
      const codes = await subscriber.subscribe([
        { topic: 'twice', qos: 2 },
        { topic: 'twice', qos: 0 },
      ]);
      expect(codes).toEqual([2, 0]);
      await publisher.publish('twice', 'x', { qos: 2 });

      expect(await broker.heardBy(subscriber)).toMatchObject([{ text: 'x', qos: 0 }]);
    });

    clause('MQTT-3.8.4-4', 'loses no message', async () => {
      await subscriber.subscribe({ topic: 'steady', qos: 1 });
      const texts = Array.from({ length: 20 }, (_, index) => String(index));
      publisher.send(...texts.map((text, index) => publishPacket('steady', text, { qos: 1, messageId: index + 1 })));
      for (const qos of [1, 2, 1] as const) await subscriber.subscribe({ topic: 'steady', qos });

      expect(await heard()).toEqual(texts);
    });
  });

  describe('with No Local', () => {
    for (const qos of [0, 1, 2] as const) {
      clause('MQTT-3.8.3-3', `at QoS ${qos} spares its client what it publishes itself`, async () => {
        await subscriber.subscribe({ topic: 'echo', nl: true });
        await subscriber.publish('echo', 'own', { qos });
        await publisher.publish('echo', 'of others', { qos });

        expect(await heard()).toEqual(['of others']);
      });
    }

    clause('MQTT-3.8.3-3', 'means the client id: what it published itself before does not wait for it', async () => {
      const before = await broker.resume('returning');
      await before.subscribe({ topic: 'echo', nl: true });
      await before.publish('echo', 'own', { qos: 1 });
      await broker.leave(before);
      await publisher.publish('echo', 'of others', { qos: 1 });
      const after = await broker.resume('returning');
      await after.publish('echo', 'own again', { qos: 1 });

      expect((await broker.heardBy(after)).map(({ text }) => text)).toEqual(['of others']);
    });

    it('does not spare it what another of its subscriptions asks for', async () => {
      await subscriber.subscribe({ topic: 'echo/+', nl: true }, { subscriptionIdentifier: 1 });
      await subscriber.subscribe({ topic: 'echo/a', qos: 1 }, { subscriptionIdentifier: 2 });
      await subscriber.publish('echo/a', 'own', { qos: 2 });
      await publisher.publish('echo/a', 'of others', { qos: 2 });

      expect(await subscriber.hear()).toMatchObject({ text: 'own', qos: 1, properties: { subscriptionIdentifier: 2 } });
      const { text, qos, properties } = await subscriber.hear();
      expect([text, qos, [properties.subscriptionIdentifier].flat().sort()]).toEqual(['of others', 2, [1, 2]]);
    });
  });

  describe('with Retain As Published', () => {
    for (const qos of [0, 1, 2] as const) {
      clause('MQTT-3.3.1-13', `at QoS ${qos} hears RETAIN as it was said`, async () => {
        await subscriber.subscribe({ topic: 'said', rap: true });
        await publisher.publish('said', 'kept', { qos, retain: true });
        await publisher.publish('said', 'passing', { qos });

        expect(await broker.heardBy(subscriber)).toMatchObject([
          { text: 'kept', retain: true },
          { text: 'passing', retain: false },
        ]);
        await publisher.publish('said', '', { retain: true });
      });

      clause('MQTT-3.3.1-12', `not asked for, at QoS ${qos}, hears no RETAIN`, async () => {
        await subscriber.subscribe({ topic: 'said', rap: false });
        await publisher.publish('said', 'kept', { qos, retain: true });
        await publisher.publish('said', 'passing', { qos });

        expect(await broker.heardBy(subscriber)).toMatchObject([
          { text: 'kept', retain: false },
          { text: 'passing', retain: false },
        ]);
        await publisher.publish('said', '', { retain: true });
      });
    }

    clause('MQTT-3.3.1-13', 'hears it with what waited as well', async () => {
      const before = await broker.resume('said later');
      await before.subscribe({ topic: 'said/later', rap: true });
      await broker.leave(before);
      await publisher.publish('said/later', 'kept', { qos: 1, retain: true });
      await publisher.publish('said/later', 'passing', { qos: 1 });

      expect(await broker.heardBy(await broker.resume('said later'))).toMatchObject([
        { text: 'kept', retain: true },
        { text: 'passing', retain: false },
      ]);
    });
  });
});

describe('UNSUBSCRIBE', () => {
  let broker: Broker5;
  let publisher: Client5;
  let subscriber: Client5;

  beforeAll(async () => {
    broker = await Broker5.start();
  });

  beforeEach(async () => {
    publisher = await broker.connect('publisher');
    subscriber = await broker.connect('subscriber');
  });

  afterAll(() => broker.stop());

  clause(
    ['MQTT-3.10.4-4', 'MQTT-3.10.4-5', 'MQTT-2.2.1-6'],
    'is answered with UNSUBACK under its packet id, even when nothing was removed',
    async () => {
      subscriber.send({ cmd: 'unsubscribe', messageId: 65_535, unsubscriptions: ['nothing'] });

      expect(await subscriber.next('unsuback')).toMatchObject({ messageId: 65_535, granted: [0x11] });
    },
  );

  clause(
    ['MQTT-3.11.3-1', 'MQTT-3.11.3-2', 'MQTT-3.10.4-6'],
    'is answered with a code for each filter, in their order',
    async () => {
      await subscriber.subscribe(['a', 'b/+', 'c/#']);

      expect(await subscriber.unsubscribe('c/#', 'x', 'a', 'y', 'b/+')).toEqual([0, 0x11, 0, 0x11, 0]);
      expect(await subscriber.unsubscribe('a')).toEqual([0x11]);
      await subscriber.subscribe(['a', 'b']);
      expect(await subscriber.unsubscribe('a', 'b', 'a', 'a')).toEqual([0, 0, 0x11, 0x11]);
    },
  );

  clause('MQTT-3.10.4-1', 'removes what is equal, character by character', async () => {
    await subscriber.subscribe(['rooms/+', 'rooms/#']);
    expect(await subscriber.unsubscribe('rooms/a', 'Rooms/+', 'rooms/+/', 'rooms')).toEqual([0x11, 0x11, 0x11, 0x11]);
    await publisher.publish('rooms/a', 'one');
    expect(await subscriber.hear()).toMatchObject({ text: 'one' });
    expect(await subscriber.unsubscribe('rooms/+')).toEqual([0]);
    await publisher.publish('rooms/a', 'two');

    expect(await subscriber.hear()).toMatchObject({ text: 'two' }); // by rooms/#
  });

  clause('MQTT-3.10.4-2', 'stops what is new', async () => {
    await subscriber.subscribe('stopped');
    await publisher.publish('stopped', 'before', { qos: 1 });
    await subscriber.unsubscribe('stopped');
    for (const qos of [0, 1, 2] as const) await publisher.publish('stopped', 'after', { qos });

    expect((await broker.heardBy(subscriber)).map(({ text }) => text)).toEqual(['before']);
  });

  clause('MQTT-3.10.4-3', 'lets what was begun be completed', async () => {
    const before = await broker.resume('thorough');
    await before.subscribe('begun');
    await publisher.publish('begun', 'at 1', { qos: 1 });
    await publisher.publish('begun', 'at 2', { qos: 2 });
    const one = await before.next('publish');
    const two = await before.next('publish');
    await before.unsubscribe('begun');
    await before.acknowledge(two);
    await before.ping();
    await broker.lose(before);
    const after = await broker.resume('thorough');

    expect(await after.next('publish')).toMatchObject({ messageId: one.messageId, dup: true });
    after.send({ cmd: 'puback', messageId: one.messageId });
    await after.ping();
    expect(after.rest()).toEqual([]);
  });

  it('takes the identifier of its subscription along', async () => {
    await subscriber.subscribe('both/a', { subscriptionIdentifier: 1 });
    await subscriber.subscribe('both/+', { subscriptionIdentifier: 2 });
    await subscriber.unsubscribe('both/a');
    await publisher.publish('both/a', 'x');

    expect((await subscriber.hear()).properties).toEqual({ subscriptionIdentifier: 2 });
  });
});
