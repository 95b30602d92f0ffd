/*
 * Proved elsewhere: a Receive Maximum of 0: connect.test.ts; messages that expire while they wait: message-expiry.test.ts.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { IPublishPacket } from 'mqtt-packet';
import { Broker5 } from '../../support/broker5';
import { clause } from '../../support/clause';
import { type Client5, publishPacket } from '../../support/client5';

describe('flow control', () => {
  let broker: Broker5;
  let publisher: Client5;

  beforeAll(async () => {
    broker = await Broker5.start();
  });

  beforeEach(async () => {
    publisher = await broker.connect('publisher');
  });

  afterAll(() => broker.stop());

  async function publishMany(topic: string, times: number, qos: 1 | 2): Promise<string[]> {
    const texts = Array.from({ length: times }, (_, index) => String(index));
    for (const text of texts) await publisher.publish(topic, text, { qos });
    return texts;
  }

  /** Returns the PUBLISH packets that have come, without acknowledging them. */
  async function arrivedAt(client: Client5): Promise<IPublishPacket[]> {
    await broker.cloud.settled();
    await client.ping();
    return client.rest().filter((packet): packet is IPublishPacket => packet.cmd === 'publish');
  }

  function textsOf(packets: IPublishPacket[]): string[] {
    return packets.map(({ payload }) => String(payload));
  }

  describe('to a client', () => {
    for (const qos of [1, 2] as const) {
      for (const receiveMaximum of [1, 2, 20]) {
        clause(
          ['MQTT-3.3.4-9', 'MQTT-4.9.0-1', 'MQTT-4.9.0-2'],
          `with a Receive Maximum of ${receiveMaximum} leaves no more than that unacknowledged at QoS ${qos}`,
          async () => {
            const client = await broker.connect('receiver', { properties: { receiveMaximum } });
            await client.subscribe('much');
            const many = receiveMaximum + 5;
            const texts = await publishMany('much', many, qos);
            const heard: string[] = [];
            while (heard.length < many) {
              const packets = await arrivedAt(client);
              expect(packets.length).toBe(Math.min(receiveMaximum, many - heard.length));
              for (const packet of packets) await client.acknowledge(packet);
              heard.push(...textsOf(packets));
            }

            expect(heard).toEqual(texts);
          },
        );
      }

      clause('MQTT-3.3.4-9', `sends one more at QoS ${qos} for each that is acknowledged`, async () => {
        const client = await broker.connect('receiver', { properties: { receiveMaximum: 3 } });
        await client.subscribe('singly');
        const texts = await publishMany('singly', 8, qos);
        const inFlight = await arrivedAt(client);
        const heard = textsOf(inFlight);
        for (const packet of inFlight) {
          await client.acknowledge(packet);
          const next = await arrivedAt(client);
          expect(next).toHaveLength(1);
          inFlight.push(...next);
          heard.push(...textsOf(next));
          if (heard.length === 8) break;
        }

        expect(heard).toEqual(texts);
      });

      clause('MQTT-3.3.4-9', `holds for messages that waited while it was away, at QoS ${qos}`, async () => {
        const before = await broker.resume(`away ${qos}`);
        await before.subscribe('waiting');
        await broker.leave(before);
        const texts = Array.from({ length: 9 }, (_, index) => String(index));
        await publisher.publishTogether(qos, ...texts.map((text) => ['waiting', text] as const));
        const after = await broker.resume(`away ${qos}`, 600, { properties: { receiveMaximum: 4 } });
        const heard: string[] = [];
        for (const expected of [4, 4, 1]) {
          const packets = await arrivedAt(after);
          expect(packets).toHaveLength(expected);
          for (const packet of packets) await after.acknowledge(packet);
          heard.push(...textsOf(packets));
        }

        expect(heard).toEqual(texts);
      });

      clause('MQTT-3.3.4-9', `holds for messages that are sent again, at QoS ${qos}`, async () => {
        const before = await broker.resume(`again ${qos}`);
        await before.subscribe('again');
        const texts = await publishMany('again', 5, qos);
        expect(await arrivedAt(before)).toHaveLength(5);
        await broker.lose(before);
        const after = await broker.resume(`again ${qos}`, 600, { properties: { receiveMaximum: 2 } });
        const heard: string[] = [];
        for (const expected of [2, 2, 1]) {
          const packets = await arrivedAt(after);
          expect(packets).toHaveLength(expected);
          for (const packet of packets) await after.acknowledge(packet);
          heard.push(...textsOf(packets));
        }

        expect(heard).toEqual(texts);
      });

      clause('MQTT-3.3.4-9', `holds for concurrent publishers, at QoS ${qos}`, async () => {
        const client = await broker.connect('receiver', { properties: { receiveMaximum: 3 } });
        await client.subscribe('crowd');
        const names = ['a', 'b', 'c'];
        const publishing = names.map(async (name) => {
          const other = await broker.connect(name);
          for (let index = 0; index < 10; index++) await other.publish('crowd', `${name}${index}`, { qos });
        });
        const heard: string[] = [];
        while (heard.length < 30) {
          const first = await client.next('publish');
          await client.ping();
          const more = client.rest().filter((packet): packet is IPublishPacket => packet.cmd === 'publish');
          expect(more.length).toBeLessThan(3);
          for (const packet of [first, ...more]) await client.acknowledge(packet);
          heard.push(...textsOf([first, ...more]));
        }

        await Promise.all(publishing);
        for (const name of names) {
          const mine = heard.filter((text) => text.startsWith(name));
          expect(mine).toEqual(Array.from({ length: 10 }, (_, index) => `${name}${index}`));
        }
      });

      clause('MQTT-4.4.0-2', `counts an acknowledgement with an error, at QoS ${qos}`, async () => {
        const client = await broker.connect('receiver', { properties: { receiveMaximum: 1 } });
        await client.subscribe('refused');
        await publishMany('refused', 2, qos);
        const [{ messageId } = {}] = await arrivedAt(client);
        client.send({ cmd: qos === 1 ? 'puback' : 'pubrec', messageId, reasonCode: 0x80 });

        expect(textsOf(await arrivedAt(client))).toEqual(['1']);
      });
    }

    clause('MQTT-3.3.4-9', 'counts a QoS 2 message until PUBCOMP', async () => {
      const client = await broker.connect('receiver', { properties: { receiveMaximum: 1 } });
      await client.subscribe('halfway');
      await publishMany('halfway', 2, 2);
      const [{ messageId } = {}] = await arrivedAt(client);
      client.send({ cmd: 'pubrec', messageId });
      await client.next('pubrel');
      expect(await arrivedAt(client)).toEqual([]);
      client.send({ cmd: 'pubcomp', messageId });

      expect(textsOf(await arrivedAt(client))).toEqual(['1']);
    });

    clause('MQTT-3.3.4-9', 'counts QoS 1 and QoS 2 together', async () => {
      const client = await broker.connect('receiver', { properties: { receiveMaximum: 2 } });
      await client.subscribe('mixed');
      await publisher.publish('mixed', 'one', { qos: 1 });
      await publisher.publish('mixed', 'two', { qos: 2 });
      await publisher.publish('mixed', 'three', { qos: 1 });

      expect(textsOf(await arrivedAt(client))).toEqual(['one', 'two']);
    });

    clause(
      ['MQTT-3.3.4-10', 'MQTT-4.9.0-3', 'MQTT-3.12.4-1'],
      'delays nothing but PUBLISH when it is full',
      async () => {
        const client = await broker.connect('receiver', { properties: { receiveMaximum: 1 } });
        await client.subscribe('full');
        await publishMany('full', 2, 1);
        await client.next('publish');

        await client.ping();
        expect(await client.subscribe('more')).toEqual([2]);
        expect(await client.unsubscribe('more')).toEqual([0]);
        expect(await client.publish('nobody', 'x', { qos: 1 })).toBe(0x10);
        expect(await client.publish('nobody', 'x', { qos: 2 })).toBe(0x10);
        expect(client.rest()).toEqual([]);
      },
    );

    it('lets QoS 0 pass when it is full', async () => {
      const client = await broker.connect('receiver', { properties: { receiveMaximum: 1 } });
      await client.subscribe('full');
      await publishMany('full', 2, 1);
      expect(await arrivedAt(client)).toHaveLength(1);
      await publisher.publish('full', 'at 0');

      expect(textsOf(await arrivedAt(client))).toEqual(['at 0']);
    });

    clause('MQTT-3.3.4-9', 'holds for retained messages', async () => {
      for (let index = 0; index < 5; index++) await publisher.publish(`kept/${index}`, 'x', { qos: 1, retain: true });
      const client = await broker.connect('receiver', { properties: { receiveMaximum: 2 } });
      await client.subscribe('kept/+');
      const counts: number[] = [];
      for (let round = 0; round < 3; round++) {
        const packets = await arrivedAt(client);
        for (const packet of packets) await client.acknowledge(packet);
        counts.push(packets.length);
      }

      expect(counts).toEqual([2, 2, 1]);
    });

    it('starts anew with each connection', async () => {
      const before = await broker.resume('anew', 600, { properties: { receiveMaximum: 1 } });
      await before.subscribe('anew');
      await publishMany('anew', 3, 1);
      expect(await arrivedAt(before)).toHaveLength(1);
      await broker.lose(before);

      expect(textsOf(await arrivedAt(await broker.resume('anew')))).toEqual(['0', '1', '2']);
    });

    it('of one client does not delay another', async () => {
      const slow = await broker.connect('slow', { properties: { receiveMaximum: 1 } });
      const fast = await broker.connect('fast');
      await slow.subscribe('common');
      await fast.subscribe('common');
      const texts = await publishMany('common', 6, 1);

      expect(textsOf(await arrivedAt(fast))).toEqual(texts);
      expect(textsOf(await arrivedAt(slow))).toEqual(['0']);
    });
  });

  describe('from a client', () => {
    function held(count: number): IPublishPacket[] {
      return Array.from({ length: count }, (_, index) => publishPacket('held', 'x', { qos: 2, messageId: index + 1 }));
    }

    it('accepts as many messages as the Receive Maximum of CONNACK', async () => {
      const { receiveMaximum = 0 } = publisher.connack?.properties ?? {};
      publisher.send(...held(receiveMaximum));
      for (let index = 0; index < receiveMaximum; index++) await publisher.next('pubrec');
      publisher.send({ cmd: 'pubrel', messageId: 1 });
      await publisher.next('pubcomp');
      publisher.send(publishPacket('held', 'x', { qos: 2, messageId: receiveMaximum + 1 }));

      expect(await publisher.next('pubrec')).toMatchObject({ messageId: receiveMaximum + 1 });
    });

    clause('MQTT-4.13.1-1', 'closes with 0x93 for one more', async () => {
      const { receiveMaximum = 0 } = publisher.connack?.properties ?? {};
      publisher.send(...held(receiveMaximum + 1));

      expect(await publisher.farewell()).toMatchObject({ reasonCode: 0x93 });
    });

    clause('MQTT-4.3.3-9', 'does not count refused messages', async () => {
      const { receiveMaximum = 0 } = publisher.connack?.properties ?? {};
      const notText = { properties: { payloadFormatIndicator: true } };
      for (let index = 0; index < 3; index++) {
        expect(await publisher.publish('held', Buffer.from([0xff]), { qos: 2, ...notText })).toBe(0x99);
      }
      publisher.send(...held(receiveMaximum));
      for (let index = 0; index < receiveMaximum; index++) await publisher.next('pubrec');

      expect(publisher.closeCode).toBeUndefined();
    });
  });
});
