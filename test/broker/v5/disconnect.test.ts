/*
 * Proved elsewhere: what else is malformed or against the protocol: test/protocol; 0x93: flow-control.test.ts; 0x94 and what a topic
 *   alias may be: aliases.test.ts; 0x99: publish.test.ts; AUTH: auth.test.ts; what becomes of the will: wills.test.ts.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Broker5 } from '../../support/broker5';
import { clause } from '../../support/clause';
import { connectPacket, publishPacket, subscription } from '../../support/client5';
import { hex } from '../../support/packets';

const second = 1000;

describe('DISCONNECT', () => {
  let broker: Broker5;

  beforeAll(async () => {
    broker = await Broker5.start();
    broker.cloud.clock.hold();
  });

  afterAll(() => broker.stop());

  describe('from the server', () => {
    const offences = [
      { what: 'a packet type that is reserved', code: 0x82, bytes: '00 00' },
      { what: 'flags that are reserved', code: 0x81, bytes: 'c1 00' },
      { what: 'a remaining length of five bytes', code: 0x81, bytes: 'c0 80 80 80 80 01' },
      { what: 'PUBLISH at QoS 3', code: 0x81, bytes: '36 07 0001 61 0001 00 78' },
      { what: 'PUBLISH at QoS 0 with DUP', code: 0x81, bytes: '38 05 0001 61 00 78' },
      { what: 'a topic name that is not UTF-8', code: 0x81, bytes: '30 05 0001 ff 00 78' },
      { what: 'a property that PUBLISH does not have', code: 0x81, bytes: '30 0a 0001 61 05 11 00000001 78' },
      { what: 'a packet that ends too soon', code: 0x81, bytes: '82 06 0001 00 0002 61' },
      { what: 'subscription options with a reserved bit', code: 0x81, bytes: '82 07 0001 00 0001 61 40' },
      { what: 'a second CONNECT', code: 0x82, bytes: '10 0e 0004 4d515454 05 02 003c 00 0001 63' },
      { what: 'a packet only servers send', code: 0x82, bytes: 'd0 00' },
      { what: 'PUBLISH with neither topic nor alias', code: 0x82, bytes: '30 04 0000 00 78' },
      { what: 'PUBLISH with a subscription identifier', code: 0x82, bytes: '30 07 0001 61 02 0b 01 78' },
      { what: 'the same property twice', code: 0x82, bytes: '30 09 0001 61 04 01 00 01 00 78' },
      { what: 'SUBSCRIBE without a filter', code: 0x82, bytes: '82 03 0001 00' },
      { what: 'a subscription identifier of 0', code: 0x82, bytes: '82 09 0001 02 0b 00 0001 61 00' },
      { what: 'subscription options of QoS 3', code: 0x82, bytes: '82 07 0001 00 0001 61 03' },
      { what: 'a Retain Handling of 3', code: 0x82, bytes: '82 07 0001 00 0001 61 30' },
      { what: 'a shared subscription with No Local', code: 0x82, bytes: '82 10 0001 00 000a 2473686172652f672f61 04' },
      { what: 'UNSUBSCRIBE without a filter', code: 0x82, bytes: 'a2 03 0001 00' },
      { what: 'a topic name with a wildcard', code: 0x90, bytes: '30 05 0001 23 00 78' },
      { what: 'a topic filter that is none', code: 0x8f, bytes: '82 08 0001 00 0002 6123 00' },
    ];
    for (const { what, code, bytes } of offences) {
      clause(
        ['MQTT-4.13.1-1', 'MQTT-4.13.2-1', 'MQTT-3.14.4-1', 'MQTT-3.14.4-2', 'MQTT-3.14.2-2'],
        `answers ${what} with 0x${code.toString(16)}, then the close`,
        async () => {
          const client = await broker.connect('offender');
          client.sendBytes(hex(bytes));
          const { reasonCode, properties } = await client.farewell();

          expect(reasonCode).toBe(code);
          expect(properties).not.toHaveProperty('sessionExpiryInterval');
        },
      );
    }

    clause('MQTT-4.13.1-1', 'answers a packet too large with 0x95, then the close', async () => {
      const client = await broker.connect('offender');
      client.send(publishPacket('a', Buffer.alloc(97_280)));

      expect(await client.farewell()).toMatchObject({ reasonCode: 0x95 });
    });

    it('does not answer the largest packet that is allowed', async () => {
      const client = await broker.connect('frugal');
      await client.subscribe('frugal');
      const payload = Buffer.alloc(97_280 - 13, 'x'); // beside: header 4, topic 8, properties 1
      await client.publish('frugal', payload);

      expect((await client.hear()).text).toBe(String(payload));
    });

    clause(
      ['MQTT-3.1.2-22', 'MQTT-4.13.2-1'],
      'says 0x8d when nothing came for one and a half keep-alives',
      async () => {
        const client = await broker.connect('silent', { keepalive: 10 });
        await broker.cloud.settled(); // CONNACK leaves before the connection is on record
        broker.cloud.clock.jump(14 * second);
        await broker.cloud.settled();
        expect(client.closeCode).toBeUndefined();
        broker.cloud.clock.jump(2 * second);

        expect(await client.farewell()).toMatchObject({ reasonCode: 0x8d });
      },
    );

    clause('MQTT-3.1.2-22', 'does not come to a client that keeps the Server Keep Alive it was given', async () => {
      const client = await broker.connect('relaxed', { keepalive: 0 });
      await broker.cloud.settled();
      for (let minutes = 0; minutes < 36; minutes += 9) {
        broker.cloud.clock.jump(540 * second);
        await client.ping();
        await broker.cloud.runSchedule();
        await broker.cloud.settled();
      }

      expect(client.closeCode).toBeUndefined();
    });

    for (const clean of [true, false]) {
      clause(
        'MQTT-3.1.4-3',
        `says 0x8e to a client whose id connects again, Clean Start ${Number(clean)}`,
        async () => {
          const first = await broker.resume('same');
          await first.ping();
          const second = await broker.resume('same', 60, { clean });

          expect(await first.farewell()).toMatchObject({ reasonCode: 0x8e });
          expect(second.connack).toMatchObject({ reasonCode: 0, sessionPresent: !clean });
          await second.ping();
          await broker.leave(second);
        },
      );
    }

    clause('MQTT-3.1.4-3', 'says 0x8e even to a client whose CONNECT is only just being dealt with', async () => {
      const held = { operation: 'PutItem', table: 'connections', outcome: 'throttle', times: 2 } as const;
      await broker.cloud.faults.set({ fault: 'call', ...held });
      const first = await broker.resume('hasty');
      await broker.older.struck();
      await broker.resume('hasty');
      await broker.cloud.faults.clear();

      expect(await first.farewell()).toMatchObject({ reasonCode: 0x8e });
    });

    clause('MQTT-3.14.0-1', 'does not come before CONNACK: what comes first is simply hung up on', async () => {
      for (const bytes of ['c0 00', 'e0 00', '30 05 0001 61 00 78', 'f0 00']) {
        const client = await broker.open();
        client.sendBytes(hex(bytes));
        await client.closed();

        expect(client.rest()).toEqual([]);
      }
    });

    it('says why', async () => {
      const client = await broker.connect('offender');
      client.sendBytes(hex('82 07 0001 00 0001 61 30'));

      expect((await client.farewell()).properties).toMatchObject({ reasonString: expect.stringMatching(/retain/i) });
    });

    clause(
      ['MQTT-3.14.2-3', 'MQTT-3.14.2-4', 'MQTT-3.1.2-24'],
      'does not say why where it would become too large',
      async () => {
        const client = await broker.connect('small', { properties: { maximumPacketSize: 24 } });
        const before = client.bytes.length;
        client.sendBytes(hex('82 07 0001 00 0001 61 30'));

        expect(await client.farewell()).toMatchObject({ reasonCode: 0x82 });
        expect(client.bytes.length - before).toBeLessThanOrEqual(24);
      },
    );

    it('leaves what was well said before the offence, in the same frame', async () => {
      const observer = await broker.connect('observer');
      await observer.subscribe('news');
      const client = await broker.open();
      client.send(
        connectPacket('offender'),
        publishPacket('news', 'at 0'),
        publishPacket('news', 'at 1', { qos: 1, messageId: 1 }),
        { cmd: 'pingresp' },
      );
      expect(await client.farewell()).toMatchObject({ reasonCode: 0x82 });

      expect((await broker.heardBy(observer)).map(({ text }) => text)).toEqual(['at 0', 'at 1']);
    });
  });

  describe('from the client', () => {
    clause(['MQTT-3.14.4-1', 'MQTT-3.14.4-2'], 'is the last that is read of its connection', async () => {
      const observer = await broker.connect('observer');
      await observer.subscribe('late');
      const client = await broker.connect('leaving');
      client.send({ cmd: 'disconnect', reasonCode: 0 }, publishPacket('late', 'x', { qos: 1, messageId: 1 }));
      client.send(publishPacket('late', 'y'));
      await client.closed();

      expect(client.rest()).toEqual([]);
      expect(await broker.heardBy(observer)).toEqual([]);
    });

    it('may come without a code, or with one that tells of a failure', async () => {
      for (const bytes of ['e0 00', 'e0 01 00', 'e0 02 04 00', 'e0 01 80', 'e0 02 97 00']) {
        const client = await broker.connect('leaving');
        client.sendBytes(hex(bytes));
        await client.closed();

        expect(client.rest()).toEqual([]);
      }
    });

    it('with a code that only servers say is a protocol error', async () => {
      const client = await broker.connect('leaving');
      client.sendBytes(hex('e0 01 8e'));

      expect((await client.farewell()).reasonCode).toBe(0x82);
    });

    async function isThere(clientId: string): Promise<boolean | undefined> {
      return (await broker.connect(clientId, { clean: false })).connack?.sessionPresent;
    }

    it('with a session expiry of 0 ends the session at once', async () => {
      const client = await broker.resume('done', 600);
      await client.subscribe('done');
      await broker.leave(client, 0, { sessionExpiryInterval: 0 });

      expect(await isThere('done')).toBe(false);
    });

    it('with a longer session expiry keeps the session longer', async () => {
      const client = await broker.resume('longer', 10);
      await broker.leave(client, 0, { sessionExpiryInterval: 600 });
      await broker.pass(300);

      expect(await isThere('longer')).toBe(true);
    });

    it('with a shorter session expiry keeps the session shorter', async () => {
      const client = await broker.resume('shorter', 600);
      await broker.leave(client, 0, { sessionExpiryInterval: 10 });
      await broker.pass(11);

      expect(await isThere('shorter')).toBe(false);
    });

    it('without a session expiry keeps the session as long as CONNECT said', async () => {
      await broker.leave(await broker.resume('as said', 100));
      await broker.pass(90);
      expect(await isThere('as said')).toBe(true);
    });

    it('may not keep a session that was to end with its connection: 0x82', async () => {
      const client = await broker.connect('greedy');
      await client.subscribe('greedy');
      client.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 600 } });

      expect(await client.farewell()).toMatchObject({ reasonCode: 0x82 });
      expect(await isThere('greedy')).toBe(false);
    });

    it('may say a session expiry of 0 where there was none', async () => {
      const client = await broker.connect('modest');
      await broker.leave(client, 0, { sessionExpiryInterval: 0 });

      expect(client.rest()).toEqual([]);
    });
  });

  it('does nothing to other clients', async () => {
    const bystander = await broker.connect('bystander');
    await bystander.subscribe('to/bystander');
    const offender = await broker.connect('offender');
    offender.send({ cmd: 'subscribe', messageId: 1, subscriptions: [subscription('to/bystander')] });
    offender.sendBytes(hex('d0 00'));
    await offender.farewell();
    await bystander.publish('to/bystander', 'fine', { qos: 1 });

    expect(await bystander.hear()).toMatchObject({ text: 'fine' });
    expect(broker.older.logged('turn failed')).toEqual([]);
  });
});
