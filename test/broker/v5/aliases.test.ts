/*
 * Proved elsewhere: the bytes of a topic alias: test/protocol.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { IPublishPacket } from 'mqtt-packet';
import { Broker5 } from '../../support/broker5';
import { clause } from '../../support/clause';
import { type Client5, publishPacket } from '../../support/client5';

describe('a topic alias', () => {
  let broker: Broker5;

  beforeAll(async () => {
    broker = await Broker5.start();
  });

  afterAll(() => broker.stop());

  /** A message with an alias; without a topic, it has the one of the alias. */
  function aliased(topicAlias: number, topic: string, payload: string, fields: Partial<IPublishPacket> = {}) {
    return publishPacket(topic, payload, { ...fields, properties: { topicAlias } });
  }

  describe('of a client', () => {
    let publisher: Client5;
    let subscriber: Client5;

    beforeEach(async () => {
      publisher = await broker.connect('publisher');
      subscriber = await broker.connect('subscriber');
      await subscriber.subscribe({ topic: '#', rh: 2 });
    });

    async function heard(): Promise<string[]> {
      await publisher.ping();
      return (await broker.heardBy(subscriber)).map(({ topic, text }) => `${topic} ${text}`);
    }

    for (const qos of [0, 1, 2] as const) {
      clause('MQTT-3.3.2-12', `stands for its topic at QoS ${qos}, in the same frame and in later ones`, async () => {
        publisher.send(
          aliased(1, 'kitchen', 'one', { qos, messageId: 1 }),
          aliased(1, '', 'two', { qos, messageId: 2 }),
        );
        publisher.send(aliased(1, '', 'three', { qos, messageId: 3 }));
        await publisher.ping();
        publisher.send(aliased(1, '', 'four', { qos, messageId: 4 }));
        if (qos === 2) publisher.send(...[1, 2, 3, 4].map((messageId) => ({ cmd: 'pubrel', messageId }) as const));

        expect(await heard()).toEqual(['kitchen one', 'kitchen two', 'kitchen three', 'kitchen four']);
      });
    }

    clause('MQTT-3.3.2-12', 'may be any up to the maximum of CONNACK, all at the same time', async () => {
      const maximum = publisher.connack?.properties?.topicAliasMaximum ?? 0;
      const numbers = Array.from({ length: maximum }, (_, index) => index + 1);
      publisher.send(...numbers.map((number) => aliased(number, `topic/${number}`, 'set')));
      publisher.send(...numbers.map((number) => aliased(number, '', 'used')));

      expect(maximum).toBeGreaterThan(0);
      expect(await heard()).toEqual([
        ...numbers.map((number) => `topic/${number} set`),
        ...numbers.map((number) => `topic/${number} used`),
      ]);
    });

    it('stands for the last topic that set it', async () => {
      publisher.send(aliased(1, 'kitchen', 'one'), aliased(1, 'cellar', 'two'), aliased(1, '', 'three'));

      expect(await heard()).toEqual(['kitchen one', 'cellar two', 'cellar three']);
    });

    it('is optional after it is set', async () => {
      publisher.send(aliased(1, 'kitchen', 'one'), publishPacket('cellar', 'two'), aliased(1, 'kitchen', 'three'));
      publisher.send(aliased(1, '', 'four'));

      expect(await heard()).toEqual(['kitchen one', 'cellar two', 'kitchen three', 'kitchen four']);
    });

    it('stands for the topic of a message that is retained', async () => {
      publisher.send(aliased(1, 'kept/by/alias', 'one'), aliased(1, '', 'two', { retain: true }));
      await publisher.ping();
      const visitor = await broker.connect('visitor');
      await visitor.subscribe('kept/by/alias');

      expect(await visitor.hear()).toMatchObject({ topic: 'kept/by/alias', text: 'two', retain: true });
    });

    clause('MQTT-3.3.2-7', 'ends with its connection, also where the session is resumed', async () => {
      const before = await broker.resume('returning');
      before.send(aliased(1, 'kitchen', 'one'));
      await before.ping();
      await broker.lose(before);
      const after = await broker.resume('returning');
      after.send(aliased(1, '', 'two'));

      expect(await after.farewell()).toMatchObject({ reasonCode: 0x82 });
      expect(await heard()).toEqual(['kitchen one']);
    });

    it('means nothing to other clients', async () => {
      publisher.send(aliased(1, 'kitchen', 'one'));
      await publisher.ping();
      const other = await broker.connect('other');
      other.send(aliased(1, '', 'two'));

      expect(await other.farewell()).toMatchObject({ reasonCode: 0x82 });
    });

    it('above the maximum of CONNACK ends the connection with 0x94', async () => {
      const { topicAliasMaximum = 0 } = publisher.connack?.properties ?? {};
      publisher.send(aliased(topicAliasMaximum + 1, 'kitchen', 'one'));

      expect(await publisher.farewell()).toMatchObject({ reasonCode: 0x94 });
      expect(await broker.heardBy(subscriber)).toEqual([]);
    });

    it('of 0 ends the connection with 0x94', async () => {
      publisher.send(aliased(0, 'kitchen', 'one'));

      expect(await publisher.farewell()).toMatchObject({ reasonCode: 0x94 });
      expect(await broker.heardBy(subscriber)).toEqual([]);
    });

    it('is not forwarded', async () => {
      publisher.send(aliased(3, 'kitchen', 'one', { qos: 1, messageId: 1 }));

      expect((await subscriber.hear()).properties).toEqual({});
    });
  });

  describe('of the server', () => {
    const topics = ['house/kitchen/temperature', 'house/cellar/temperature', 'house/attic/temperature'];

    /** Publishes many messages to a few topics for a client that is away, so that they arrive together. */
    async function welcome(qos: 1 | 2, topicAliasMaximum?: number): Promise<Client5> {
      const before = await broker.connect('welcomed', { properties: { sessionExpiryInterval: 600 } });
      await before.subscribe({ topic: 'house/#', qos });
      await broker.leave(before);
      const publisher = await broker.connect('publisher');
      const messages = Array.from({ length: 12 }, (_, count) => [topics[count % 3] ?? '', `${count}`] as const);
      await publisher.publishTogether(qos, ...messages);
      const limit = topicAliasMaximum === undefined ? {} : { topicAliasMaximum };
      const after = await broker.resume('welcomed', 600, { properties: limit });
      await broker.cloud.settled();
      await after.ping();
      return after;
    }

    /** Returns topics and payloads as a correct client resolves them. */
    function understood(packets: IPublishPacket[]): string[] {
      const known = new Map<number, string>();
      return packets.map(({ topic, payload, properties: { topicAlias } = {} }) => {
        if (topicAlias !== undefined && topic !== '') known.set(topicAlias, topic);
        return `${topic === '' ? known.get(topicAlias ?? 0) : topic} ${payload}`;
      });
    }

    function aliasesOf(packets: IPublishPacket[]): number[] {
      return packets.flatMap(({ properties: { topicAlias } = {} }) => (topicAlias === undefined ? [] : [topicAlias]));
    }

    const everything = Array.from({ length: 12 }, (_, count) => `${topics[count % 3]} ${count}`);

    for (const qos of [1, 2] as const) {
      for (const maximum of [1, 2, 3, 65_535]) {
        clause(
          ['MQTT-3.1.2-26', 'MQTT-3.3.2-11'],
          `at QoS ${qos} is never above ${maximum} to a client that takes so many`,
          async () => {
            const packets = (await welcome(qos, maximum)).rest() as IPublishPacket[];

            expect(understood(packets)).toEqual(everything);
            expect(Math.max(...aliasesOf(packets))).toBeLessThanOrEqual(maximum);
            expect(packets.some(({ topic }) => topic === '')).toBe(true);
          },
        );
      }

      for (const maximum of [undefined, 0]) {
        clause('MQTT-3.1.2-27', `at QoS ${qos} does not exist for a client with a maximum of ${maximum}`, async () => {
          const packets = (await welcome(qos, maximum)).rest() as IPublishPacket[];

          expect(understood(packets)).toEqual(everything);
          expect(aliasesOf(packets)).toEqual([]);
        });
      }
    }

    clause('MQTT-3.3.2-7', 'ends with its connection: messages that are sent again contain their topic', async () => {
      const before = await welcome(1, 3);
      before.rest();
      await broker.lose(before);
      const after = await broker.resume('welcomed', 600, { properties: { topicAliasMaximum: 3 } });
      await broker.cloud.settled();
      await after.ping();

      expect(understood(after.rest() as IPublishPacket[])).toEqual(everything);
    });

    clause('MQTT-3.3.2-7', 'holds for the whole connection and any publisher', async () => {
      const subscriber = await broker.connect('listener', { properties: { topicAliasMaximum: 4 } });
      await subscriber.subscribe({ topic: 'house/#', qos: 1 });
      const publishers = [subscriber, await broker.connect('one'), await broker.connect('two')];
      for (let round = 0; round < 10; round++) {
        for (const [index, publisher] of publishers.entries()) {
          const packets = topics.map((topic, place) =>
            publishPacket(topic, topic, { qos: (place % 2) as 0 | 1, messageId: 1 + round * 10 + place }),
          );
          publisher.send(...packets.slice(round % 2), ...packets.slice(index));
        }
      }
      for (const publisher of publishers) await publisher.ping();
      await broker.cloud.settled();
      await subscriber.ping();
      const packets = subscriber.rest().filter((packet): packet is IPublishPacket => packet.cmd === 'publish');

      expect(packets).toHaveLength(10 * (3 * 2.5 + 6));
      expect(understood(packets).filter((line) => line !== `${line.split(' ')[1]} ${line.split(' ')[1]}`)).toEqual([]);
      expect(Math.max(...aliasesOf(packets))).toBeLessThanOrEqual(4);
      expect(packets.some(({ topic }) => topic === '')).toBe(true);
    });

    it('may be used for messages of QoS 0 that arrive together', async () => {
      const subscriber = await broker.connect('live', { properties: { topicAliasMaximum: 2 } });
      await subscriber.subscribe('house/#');
      const publisher = await broker.connect('publisher');
      publisher.send(...Array.from({ length: 12 }, (_, count) => publishPacket(topics[count % 3] ?? '', `${count}`)));
      await publisher.ping();
      await broker.cloud.settled();
      await subscriber.ping();
      const packets = subscriber.rest() as IPublishPacket[];

      expect(understood(packets)).toEqual(everything);
      expect(Math.max(0, ...aliasesOf(packets))).toBeLessThanOrEqual(2);
    });
  });
});

describe('an operator', () => {
  for (const maxTopicAliases of [0, 3]) {
    it(`may offer ${maxTopicAliases} topic aliases; one more ends the connection with 0x94`, async () => {
      const broker = await Broker5.start({ settings: { maxTopicAliases } });
      const [publisher, subscriber] = [await broker.connect('publisher'), await broker.connect('subscriber')];
      await subscriber.subscribe('t/+');
      const offered = publisher.connack?.properties?.topicAliasMaximum ?? 0;
      for (let topicAlias = 1; topicAlias <= offered; topicAlias++) {
        publisher.send(publishPacket(`t/${topicAlias}`, 'x', { properties: { topicAlias } }));
        expect(await subscriber.hear()).toMatchObject({ topic: `t/${topicAlias}` });
      }
      publisher.send(publishPacket('t/more', 'x', { properties: { topicAlias: offered + 1 } }));

      expect(offered).toBe(maxTopicAliases);
      expect(await publisher.farewell()).toMatchObject({ reasonCode: 0x94 });
      expect(await broker.heardBy(subscriber)).toEqual([]);
      await broker.stop();
    });
  }
});
