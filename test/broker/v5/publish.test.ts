/*
 * Proved elsewhere: QoS downgraded and overlapping subscriptions: subscribe.test.ts; retained messages: retained.test.ts; topic
 *   aliases: aliases.test.ts; message expiry: message-expiry.test.ts; clients of 3.1.1: mixed-versions.test.ts; the handshake
 *   of QoS 2 with a worker that dies in between: test/faults and the executable model.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Broker5 } from '../../support/broker5';
import { clause } from '../../support/clause';
import { type Client5, publishPacket, written } from '../../support/client5';
import { hex } from '../../support/packets';

describe('PUBLISH', () => {
  let broker: Broker5;
  let publisher: Client5;

  beforeAll(async () => {
    broker = await Broker5.start();
  });

  beforeEach(async () => {
    publisher = await broker.connect('publisher');
  });

  afterAll(() => broker.stop());

  async function subscriberTo(...filters: string[]): Promise<Client5> {
    const subscriber = await broker.connect('subscriber');
    await subscriber.subscribe(filters);
    return subscriber;
  }

  describe('with properties', () => {
    const properties = {
      payloadFormatIndicator: true,
      contentType: 'text/plain; charset=utf-8',
      responseTopic: 'answers/☂',
      correlationData: Buffer.from([0, 1, 2, 0xff]),
      userProperties: { colour: 'blue', size: ['1', '2'] },
    };

    for (const qos of [0, 1, 2] as const) {
      clause(
        ['MQTT-3.3.2-4', 'MQTT-3.3.2-15', 'MQTT-3.3.2-16', 'MQTT-3.3.2-17', 'MQTT-3.3.2-20'],
        `at QoS ${qos} is forwarded with all of them`,
        async () => {
          const subscriber = await subscriberTo('all');
          await publisher.publish('all', 'hello ☂', { qos, properties });

          expect(await subscriber.hear()).toEqual({
            topic: 'all',
            text: 'hello ☂',
            qos,
            retain: false,
            dup: false,
            properties,
          });
        },
      );

      clause(
        ['MQTT-3.3.2-4', 'MQTT-3.3.2-15', 'MQTT-3.3.2-16', 'MQTT-3.3.2-17', 'MQTT-3.3.2-20'],
        `at QoS ${qos} is forwarded with all of them to who comes back`,
        async () => {
          const before = await broker.resume(`comes back ${qos}`);
          await before.subscribe('later');
          await broker.leave(before);
          await publisher.publish('later', 'hello ☂', { qos, properties });
          const after = await broker.resume(`comes back ${qos}`);

          const expected = { topic: 'later', text: 'hello ☂', qos, properties };
          expect(await broker.heardBy(after)).toMatchObject(qos === 0 ? [] : [expected]);
        },
      );
    }

    clause(
      'MQTT-3.3.2-17',
      'is forwarded with its user properties in their order, names repeated and empty',
      async () => {
        const subscriber = await subscriberTo('ordered');
        const pairs = hex('26 0001 62 0001 31  26 0001 61 0001 32  26 0001 62 0001 31  26 0000 0000  26 0001 61 0000');
        const variable = Buffer.concat([hex('0007'), Buffer.from('ordered'), Buffer.from([pairs.length]), pairs]);
        publisher.sendBytes(Buffer.from([0x30, variable.length]), variable);
        await publisher.ping();
        await subscriber.hear();

        expect(subscriber.bytes.includes(pairs)).toBe(true);
      },
    );

    it('may have any payload without a payload format', async () => {
      const subscriber = await subscriberTo('binary');
      await publisher.publish('binary', hex('ff fe 00 80'), { qos: 1, properties: { payloadFormatIndicator: false } });
      const { payload, properties } = await subscriber.next('publish');

      expect(payload).toEqual(hex('ff fe 00 80'));
      expect(properties).toEqual({ payloadFormatIndicator: false });
    });

    it('is forwarded without any if it had none', async () => {
      const subscriber = await subscriberTo('plain');
      await publisher.publish('plain', 'x', { qos: 1 });

      expect((await subscriber.hear()).properties).toEqual({});
    });
  });

  describe('declared as text with another payload', () => {
    const notText = { properties: { payloadFormatIndicator: true } };

    for (const qos of [1, 2] as const) {
      clause('MQTT-4.3.3-9', `at QoS ${qos} is acknowledged with 0x99, and not forwarded`, async () => {
        const subscriber = await subscriberTo('text');
        expect(await publisher.publish('text', hex('ff fe'), { qos, messageId: 99, ...notText })).toBe(0x99);
        expect(await publisher.publish('text', 'fine', { qos, messageId: 99, ...notText })).toBe(0);

        expect((await broker.heardBy(subscriber)).map(({ text }) => text)).toEqual(['fine']);
      });
    }

    clause('MQTT-4.13.2-1', 'at QoS 0 ends the connection with 0x99', async () => {
      const subscriber = await subscriberTo('text');
      const offender = await broker.connect('offender');
      offender.send(publishPacket('text', hex('ff fe'), notText));

      expect(await offender.farewell()).toMatchObject({ reasonCode: 0x99 });
      expect(await broker.heardBy(subscriber)).toEqual([]);
    });
  });

  describe('to a topic without subscribers', () => {
    it('at QoS 1 is acknowledged with 0x10', async () => {
      expect(await publisher.publish('nobody/hears', 'x', { qos: 1 })).toBe(0x10);
    });

    clause('MQTT-4.3.3-11', 'at QoS 2 is acknowledged with 0x10, and its handshake continues', async () => {
      publisher.send(publishPacket('nobody/hears', 'x', { qos: 2, messageId: 10 }));
      expect(await publisher.next('pubrec')).toMatchObject({ messageId: 10, reasonCode: 0x10 });
      publisher.send({ cmd: 'pubrel', messageId: 10 });

      expect(await publisher.next('pubcomp')).toMatchObject({ messageId: 10, reasonCode: 0 });
    });

    it('gets 0x10 again after the last subscriber has left, and not while there is one', async () => {
      for (const qos of [1, 2] as const) {
        const subscriber = await subscriberTo('sometimes/+');
        expect(await publisher.publish('sometimes/a', 'x', { qos })).toBe(0);
        await subscriber.unsubscribe('sometimes/+');
        expect(await publisher.publish('sometimes/a', 'x', { qos })).toBe(0x10);
      }
    });

    it('counts clients that are away and shares as subscribers', async () => {
      const offline = await broker.resume('offline');
      await offline.subscribe(['waited/for', '$share/group/shared']);
      await broker.leave(offline);

      expect(await publisher.publish('waited/for', 'x', { qos: 1 })).toBe(0);
      expect(await publisher.publish('shared', 'x', { qos: 1 })).toBe(0);
    });

    it('is retained', async () => {
      expect(await publisher.publish('retained/unheard', 'kept', { qos: 1, retain: true })).toBe(0x10);
      expect(await (await subscriberTo('retained/unheard')).hear()).toMatchObject({ text: 'kept', retain: true });
    });
  });

  describe('to a topic that begins with $', () => {
    for (const topic of ['$SYS/uptime', '$share/group/a']) {
      it(`like ${topic} is acknowledged with 0x87, and dropped at QoS 0`, async () => {
        const subscriber = await subscriberTo('$SYS/#');
        expect(await publisher.publish(topic, 'x', { qos: 1 })).toBe(0x87);
        expect(await publisher.publish(topic, 'x', { qos: 2 })).toBe(0x87);
        await publisher.publish(topic, 'x');

        expect(publisher.closeCode).toBeUndefined();
        expect(await broker.heardBy(subscriber)).toEqual([]);
      });
    }
  });

  clause('MQTT-3.3.2-3', 'reaches subscribers under its own topic, with any filter', async () => {
    const subscriber = await subscriberTo('rooms/+/light', 'rooms/#');
    await publisher.publish('rooms/kitchen/light', 'x');

    expect(await subscriber.hear()).toMatchObject({ topic: 'rooms/kitchen/light' });
  });

  clause('MQTT-4.5.0-1', 'reaches every client with a matching subscription, online or not', async () => {
    const here = await broker.resume('here');
    const away = await broker.resume('away');
    const deaf = await broker.resume('deaf');
    await here.subscribe('everybody');
    await away.subscribe('everybody');
    await deaf.subscribe('nobody');
    await broker.leave(away);
    await publisher.publish('everybody', 'x', { qos: 1 });

    expect(await here.hear()).toMatchObject({ text: 'x' });
    expect(await (await broker.resume('away')).hear()).toMatchObject({ text: 'x' });
    expect(await broker.heardBy(deaf)).toEqual([]);
  });

  clause(
    ['MQTT-4.6.0-5', 'MQTT-4.6.0-6'],
    'reaches each subscriber in the order of its publisher, for each QoS',
    async () => {
      const subscriber = await subscriberTo('in/order');
      const packets = Array.from({ length: 30 }, (_, index) =>
        publishPacket('in/order', String(index), { qos: (index % 3) as 0 | 1 | 2, messageId: 1000 + index }),
      );
      for (let start = 0; start < packets.length; start += 5) publisher.send(...packets.slice(start, start + 5));
      const released = packets.filter(({ qos }) => qos === 2);
      for (const { messageId } of released) expect(await publisher.next('pubrec')).toMatchObject({ messageId });
      publisher.send(...released.map(({ messageId }) => ({ cmd: 'pubrel', messageId }) as const));
      for (const { messageId } of released) expect(await publisher.next('pubcomp')).toMatchObject({ messageId });
      const heard = await broker.heardBy(subscriber);

      for (const level of [0, 1, 2]) {
        const texts = heard.filter(({ qos }) => qos === level).map(({ text }) => Number(text));
        expect(texts).toEqual(Array.from({ length: 10 }, (_, index) => 3 * index + level));
      }
    },
  );

  describe('at QoS 0 to a subscriber', () => {
    clause(['MQTT-2.2.1-2', 'MQTT-4.3.1-1'], 'is one PUBLISH without packet id and DUP', async () => {
      const subscriber = await subscriberTo('once');
      await publisher.publish('once', 'x');
      const packets = (await broker.heardBy(subscriber)).length;

      expect(packets).toBe(1);
      expect(subscriber.bytes.includes(written(publishPacket('once', 'x')))).toBe(true); // without a packet id
    });
  });

  describe('at QoS 1 to a subscriber', () => {
    clause(['MQTT-4.3.2-1', 'MQTT-4.3.2-2'], 'has a packet id that is free, and no DUP', async () => {
      const subscriber = await subscriberTo('ids');
      for (let count = 0; count < 12; count++) await publisher.publish('ids', String(count), { qos: 1 });
      const packets = await Promise.all(Array.from({ length: 12 }, () => subscriber.next('publish')));

      expect(new Set(packets.map(({ messageId }) => messageId)).size).toBe(12);
      expect(packets.every(({ messageId = 0, dup }) => messageId > 0 && !dup)).toBe(true);
    });

    clause(
      ['MQTT-4.3.2-3', 'MQTT-4.4.0-1', 'MQTT-3.3.1-1'],
      'is sent again on the next connection, with its packet id and DUP, until PUBACK',
      async () => {
        const before = await broker.resume('forgetful');
        await before.subscribe('again');
        await publisher.publish('again', 'x', { qos: 1 });
        const first = await before.next('publish');
        expect(await broker.heardBy(before)).toEqual([]); // and at no other time
        await broker.lose(before);
        const after = await broker.resume('forgetful');
        const second = await after.next('publish');
        expect(second).toMatchObject({ messageId: first.messageId, dup: true, qos: 1 });
        await after.acknowledge(second);
        await after.ping();
        await broker.lose(after);

        expect(await broker.heardBy(await broker.resume('forgetful'))).toEqual([]);
      },
    );

    clause('MQTT-4.4.0-2', 'is completed by a PUBACK with an error', async () => {
      const before = await broker.resume('picky');
      await before.subscribe('unwanted');
      await publisher.publish('unwanted', 'x', { qos: 1 });
      const { messageId } = await before.next('publish');
      before.send({ cmd: 'puback', messageId, reasonCode: 0x97 });
      await before.ping();
      await broker.lose(before);

      expect(await broker.heardBy(await broker.resume('picky'))).toEqual([]);
    });
  });

  describe('at QoS 2 to a subscriber', () => {
    clause(['MQTT-4.3.3-1', 'MQTT-4.3.3-2'], 'has a packet id that is free, and no DUP', async () => {
      const subscriber = await subscriberTo('ids');
      for (let count = 0; count < 12; count++) await publisher.publish('ids', String(count), { qos: 2 });
      const packets = await Promise.all(Array.from({ length: 12 }, () => subscriber.next('publish')));

      expect(new Set(packets.map(({ messageId }) => messageId)).size).toBe(12);
      expect(packets.every(({ messageId = 0, dup }) => messageId > 0 && !dup)).toBe(true);
    });

    clause(
      ['MQTT-4.3.3-3', 'MQTT-4.3.3-4', 'MQTT-4.3.3-5', 'MQTT-4.3.3-6', 'MQTT-4.4.0-1'],
      'is sent again until PUBREC, then PUBREL is until PUBCOMP',
      async () => {
        const first = await broker.resume('careful');
        await first.subscribe('careful');
        await publisher.publish('careful', 'x', { qos: 2 });
        const { messageId } = await first.next('publish');
        await broker.lose(first);

        const second = await broker.resume('careful');
        expect(await second.next('publish')).toMatchObject({ messageId, dup: true, qos: 2 });
        second.send({ cmd: 'pubrec', messageId });
        expect(await second.next('pubrel')).toMatchObject({ messageId });
        await broker.lose(second);

        const third = await broker.resume('careful');
        expect(await third.next('pubrel')).toMatchObject({ messageId });
        expect(await broker.heardBy(third)).toEqual([]);
        third.send({ cmd: 'pubcomp', messageId });
        await third.ping();
        await broker.lose(third);

        const fourth = await broker.resume('careful');
        await broker.cloud.settled();
        await fourth.ping();
        expect(fourth.rest()).toEqual([]);
      },
    );

    clause('MQTT-4.3.3-4', 'gets PUBREL for a PUBREC of 0x10, which is no error', async () => {
      const subscriber = await subscriberTo('relay');
      await publisher.publish('relay', 'x', { qos: 2 });
      const { messageId } = await subscriber.next('publish');
      subscriber.send({ cmd: 'pubrec', messageId, reasonCode: 0x10 });

      expect(await subscriber.next('pubrel')).toMatchObject({ messageId });
    });

    clause('MQTT-4.4.0-2', 'is completed by a PUBREC with an error: no PUBREL, and not sent again', async () => {
      const before = await broker.resume('picky');
      await before.subscribe('unwanted');
      await publisher.publish('unwanted', 'x', { qos: 2 });
      const { messageId } = await before.next('publish');
      before.send({ cmd: 'pubrec', messageId, reasonCode: 0x83 });
      await before.ping();
      expect(before.rest()).toEqual([]);
      await broker.lose(before);

      const after = await broker.resume('picky');
      await broker.cloud.settled();
      await after.ping();
      expect(after.rest()).toEqual([]);
    });
  });

  describe('at QoS 1 from a publisher', () => {
    clause(['MQTT-3.3.4-1', 'MQTT-2.2.1-5', 'MQTT-4.3.2-4'], 'gets PUBACK under its packet id', async () => {
      const subscriber = await subscriberTo('acknowledged');
      publisher.send(publishPacket('acknowledged', 'x', { qos: 1, messageId: 65_535 }));

      expect(await publisher.next('puback')).toMatchObject({ messageId: 65_535, reasonCode: 0 });
      expect(await subscriber.hear()).toMatchObject({ text: 'x' });
    });

    clause('MQTT-4.3.2-5', 'is a new message after PUBACK, with and without DUP', async () => {
      const subscriber = await subscriberTo('reused');
      await publisher.publish('reused', 'one', { qos: 1, messageId: 700 });
      await publisher.publish('reused', 'two', { qos: 1, messageId: 700, dup: true });

      expect((await broker.heardBy(subscriber)).map(({ text }) => text)).toEqual(['one', 'two']);
    });

    clause('MQTT-3.3.1-3', 'reaches subscribers without its DUP', async () => {
      const subscriber = await subscriberTo('repeated');
      await publisher.publish('repeated', 'x', { qos: 1, dup: true });

      expect(await subscriber.hear()).toMatchObject({ text: 'x', dup: false });
    });
  });

  describe('at QoS 2 from a publisher', () => {
    clause(
      ['MQTT-3.3.4-1', 'MQTT-2.2.1-5', 'MQTT-4.3.3-8', 'MQTT-4.3.3-11'],
      'gets PUBREC, and PUBCOMP after PUBREL, under its packet id',
      async () => {
        const subscriber = await subscriberTo('released');
        publisher.send(publishPacket('released', 'x', { qos: 2, messageId: 65_534 }));
        expect(await publisher.next('pubrec')).toMatchObject({ messageId: 65_534, reasonCode: 0 });
        publisher.send({ cmd: 'pubrel', messageId: 65_534 });

        expect(await publisher.next('pubcomp')).toMatchObject({ messageId: 65_534, reasonCode: 0 });
        expect(await subscriber.hear()).toMatchObject({ text: 'x', qos: 2 });
      },
    );

    clause('MQTT-4.3.3-10', 'is delivered once, however often it is repeated before PUBREL', async () => {
      const subscriber = await subscriberTo('insistent');
      for (const dup of [false, true, true]) {
        publisher.send(publishPacket('insistent', 'x', { qos: 2, messageId: 701, dup }));
        expect(await publisher.next('pubrec')).toMatchObject({ messageId: 701, reasonCode: 0 });
      }
      publisher.send({ cmd: 'pubrel', messageId: 701 });
      await publisher.next('pubcomp');

      expect(await broker.heardBy(subscriber)).toHaveLength(1);
    });

    clause('MQTT-4.3.3-10', 'is delivered once if it is repeated on the next connection', async () => {
      const subscriber = await subscriberTo('stubborn');
      const before = await broker.resume('stubborn');
      before.send(publishPacket('stubborn', 'x', { qos: 2, messageId: 9 }));
      await before.next('pubrec');
      await broker.lose(before);
      const after = await broker.resume('stubborn');
      after.send(publishPacket('stubborn', 'x', { qos: 2, messageId: 9, dup: true }));
      await after.next('pubrec');
      after.send({ cmd: 'pubrel', messageId: 9 });
      await after.next('pubcomp');

      expect(await broker.heardBy(subscriber)).toHaveLength(1);
    });

    clause('MQTT-4.3.3-12', 'is a new message after PUBCOMP', async () => {
      const subscriber = await subscriberTo('reused');
      await publisher.publish('reused', 'one', { qos: 2, messageId: 702 });
      await publisher.publish('reused', 'two', { qos: 2, messageId: 702 });

      expect((await broker.heardBy(subscriber)).map(({ text }) => text)).toEqual(['one', 'two']);
    });

    clause('MQTT-4.3.3-11', 'that is unknown gets PUBCOMP after PUBREL', async () => {
      publisher.send({ cmd: 'pubrel', messageId: 60_000 });

      expect(await publisher.next('pubcomp')).toMatchObject({ messageId: 60_000 });
    });
  });
});
