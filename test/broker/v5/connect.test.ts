/*
 * Proved elsewhere: what is malformed, packet by packet: test/protocol; a takeover: disconnect.test.ts; the time after the end of a
 *   connection: session-expiry.test.ts; Request Response Information: request-response.test.ts.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Broker5, forever } from '../../support/broker5';
import { clause } from '../../support/clause';
import { type ConnectFields, connectPacket, publishPacket, subscription } from '../../support/client5';
import { hex } from '../../support/packets';

describe('CONNECT', () => {
  let broker: Broker5;

  beforeAll(async () => {
    broker = await Broker5.start();
  });

  afterAll(() => broker.stop());

  describe('that is accepted', () => {
    clause(['MQTT-3.1.4-5', 'MQTT-3.2.0-2', 'MQTT-3.2.2-1'], 'is answered with one CONNACK of 0x00', async () => {
      const client = await broker.open();
      client.send(connectPacket('a'), { cmd: 'pingreq' });
      await client.next('pingresp');

      expect(client.rest()).toMatchObject([{ cmd: 'connack', reasonCode: 0, sessionPresent: false }]);
      expect(client.bytes[2]).toBe(0); // Connect Acknowledge Flags
    });

    it('hears what this server takes', async () => {
      const { connack } = await broker.connect('a');

      expect(connack?.properties).toEqual({ receiveMaximum: 1024, maximumPacketSize: 97_280, topicAliasMaximum: 16 });
    });

    clause('MQTT-3.2.0-1', 'hears CONNACK before anything else, whatever its frame asked for', async () => {
      const publisher = await broker.connect('publisher');
      await publisher.publish('retained', 'x', { qos: 1, retain: true });
      const client = await broker.open();
      client.send(
        connectPacket('eager'),
        { cmd: 'subscribe', messageId: 1, subscriptions: [subscription('retained'), subscription('own')] },
        publishPacket('own', 'y', { qos: 1, messageId: 2 }),
      );
      await client.next('puback');

      expect((await broker.heardBy(client)).map(({ text }) => text).sort()).toEqual(['x', 'y']);
      expect(client.bytes[0]).toBe(0x20); // CONNACK
      await publisher.publish('retained', '', { retain: true });
    });
  });

  describe('with a client id', () => {
    clause('MQTT-3.1.3-5', 'of 1 to 23 letters and digits is allowed', async () => {
      for (const clientId of [
        '0',
        'aZ9',
        'abcdefghijklmnopqrstuvw',
        'ABCDEFGHIJKLMNOPQRSTUVW',
        '01234567890123456789012',
      ]) {
        const { connack } = await broker.connect(clientId);

        expect(connack).toMatchObject({ reasonCode: 0 });
        expect(connack?.properties).not.toHaveProperty('assignedClientIdentifier');
      }
    });

    clause(['MQTT-3.1.3-6', 'MQTT-3.2.2-16'], 'that is empty is given one that nobody has', async () => {
      const assigned = [await broker.connect(''), await broker.connect('')].map(
        ({ connack }) => connack?.properties?.assignedClientIdentifier,
      );

      expect(assigned).toEqual([expect.stringMatching(/.+/), expect.stringMatching(/.+/)]);
      expect(assigned[0]).not.toBe(assigned[1]);
    });

    clause('MQTT-3.1.3-7', "that was assigned is the client's own: its session is resumed under it", async () => {
      const before = await broker.connect('', { properties: { sessionExpiryInterval: 600 } });
      await before.subscribe('assigned');
      await broker.leave(before);
      const after = await broker.resume(before.connack?.properties?.assignedClientIdentifier ?? 'none');

      expect(after.connack).toMatchObject({ reasonCode: 0, sessionPresent: true });
    });

    clause('MQTT-3.1.3-6', 'that is empty may go without Clean Start', async () => {
      const client = await broker.open();
      client.sendBytes(hex('10 0d 0004 4d515454 05 00 003c 00 0000'));

      expect(await client.next('connack')).toMatchObject({ reasonCode: 0, sessionPresent: false });
    });

    clause('MQTT-3.1.3-2', 'is the key of its session, and of no other', async () => {
      await broker.leave(await broker.resume('key'));

      expect((await broker.resume('key2')).connack).toMatchObject({ sessionPresent: false });
      expect((await broker.resume('Key')).connack).toMatchObject({ sessionPresent: false });
      expect((await broker.resume('key')).connack).toMatchObject({ sessionPresent: true });
    });
  });

  describe('with a keep-alive', () => {
    clause('MQTT-3.2.2-22', 'that this server can keep has no Server Keep Alive in its answer', async () => {
      for (const keepalive of [1, 60, 540]) {
        const { connack } = await broker.connect('a', { keepalive });
        expect(connack?.properties).not.toHaveProperty('serverKeepAlive');
      }
    });

    it('that is longer than API Gateway waits, or none, is told another', async () => {
      for (const keepalive of [0, 541, 65_535]) {
        const { connack } = await broker.connect('a', { keepalive });
        expect(connack?.properties).toMatchObject({ serverKeepAlive: 540 });
      }
    });
  });

  describe('with Clean Start', () => {
    clause(['MQTT-3.1.2-4', 'MQTT-3.2.2-2', 'MQTT-3.1.4-4'], 'discards the session there was, at once', async () => {
      const before = await broker.resume('cleaned');
      await before.subscribe('to/cleaned');
      await broker.leave(before);
      const publisher = await broker.connect('publisher');
      await publisher.publish('to/cleaned', 'old', { qos: 1 });
      const after = await broker.connect('cleaned', { properties: { sessionExpiryInterval: 600 } });
      await publisher.publish('to/cleaned', 'new', { qos: 1 });

      expect(after.connack).toMatchObject({ reasonCode: 0, sessionPresent: false });
      expect(await broker.heardBy(after)).toEqual([]);
    });

    clause('MQTT-3.1.2-4', 'begins a session that later connections resume', async () => {
      await broker.leave(await broker.connect('begun', { properties: { sessionExpiryInterval: 600 } }));

      expect((await broker.resume('begun')).connack).toMatchObject({ sessionPresent: true });
    });
  });

  describe('without Clean Start', () => {
    clause(['MQTT-3.1.2-5', 'MQTT-3.2.2-3'], 'resumes the session there is, with all that waits in it', async () => {
      const before = await broker.resume('resumed');
      await before.subscribe('to/resumed');
      await broker.leave(before);
      const publisher = await broker.connect('publisher');
      await publisher.publish('to/resumed', 'while away', { qos: 1 });
      const after = await broker.resume('resumed');

      expect(after.connack).toMatchObject({ reasonCode: 0, sessionPresent: true });
      expect(await after.hear()).toMatchObject({ text: 'while away', qos: 1 });
      await publisher.publish('to/resumed', 'while here');
      expect(await after.hear()).toMatchObject({ text: 'while here', qos: 0 });
    });

    clause(['MQTT-3.1.2-6', 'MQTT-3.2.2-3'], 'begins a session where there is none', async () => {
      const first = await broker.resume('unknown');
      expect(first.connack).toMatchObject({ reasonCode: 0, sessionPresent: false });
      await broker.leave(first);

      expect((await broker.resume('unknown')).connack).toMatchObject({ sessionPresent: true });
    });
  });

  describe('with a session expiry', () => {
    async function isThereAfter(fields: ConnectFields): Promise<boolean | undefined> {
      await broker.leave(await broker.connect('expiring', fields));
      const { connack } = await broker.connect('expiring', { clean: false });
      return connack?.sessionPresent;
    }

    it('of 0, or none, has a session that ends with its connection', async () => {
      expect(await isThereAfter({})).toBe(false);
      expect(await isThereAfter({ properties: { sessionExpiryInterval: 0 } })).toBe(false);
    });

    clause('MQTT-3.1.2-23', 'above 0 has a session that is kept', async () => {
      expect(await isThereAfter({ properties: { sessionExpiryInterval: 60 } })).toBe(true);
      expect(await isThereAfter({ properties: { sessionExpiryInterval: forever } })).toBe(true);
    });

    it('of at most seven days gets what it asked for, so CONNACK says nothing of it', async () => {
      for (const sessionExpiryInterval of [0, 1, 604_800]) {
        const { connack } = await broker.connect('expiring', { properties: { sessionExpiryInterval } });
        expect(connack?.properties).not.toHaveProperty('sessionExpiryInterval');
      }
    });

    it('of more gets seven days, and CONNACK says so', async () => {
      for (const sessionExpiryInterval of [604_801, 0xffff_fffe, forever]) {
        const { connack } = await broker.connect('expiring', { properties: { sessionExpiryInterval } });
        expect(connack?.properties).toMatchObject({ sessionExpiryInterval: 604_800 });
      }
    });
  });

  describe('that is refused', () => {
    const refusals = [
      { what: 'with its reserved flag set', code: 0x81, bytes: '10 0e 0004 4d515454 05 03 003c 00 0001 63' },
      {
        what: 'with a will of QoS 3',
        code: 0x81,
        bytes: '10 15 0004 4d515454 05 1e 003c 00 0001 63 00 0001 77 0001 78',
      },
      { what: 'that ends too soon', code: 0x81, bytes: '10 0c 0004 4d515454 05 02 003c 00 0001' },
      { what: 'with a client id that is not UTF-8', code: 0x81, bytes: '10 0e 0004 4d515454 05 02 003c 00 0001 ff' },
      {
        what: 'with a property that CONNECT does not have',
        code: 0x81,
        bytes: '10 11 0004 4d515454 05 02 003c 03 23 0001 0001 63',
      },
      { what: 'with a Receive Maximum of 0', code: 0x82, bytes: '10 11 0004 4d515454 05 02 003c 03 21 0000 0001 63' },
      {
        what: 'with a Maximum Packet Size of 0',
        code: 0x82,
        bytes: '10 13 0004 4d515454 05 02 003c 05 27 00000000 0001 63',
      },
      {
        what: 'with the same property twice',
        code: 0x82,
        bytes: '10 14 0004 4d515454 05 02 003c 06 21 0001 21 0001 0001 63',
      },
      {
        what: 'with a flag that is neither 0 nor 1',
        code: 0x82,
        bytes: '10 10 0004 4d515454 05 02 003c 02 19 02 0001 63',
      },
      {
        what: 'with authentication data without a method',
        code: 0x82,
        bytes: '10 12 0004 4d515454 05 02 003c 04 16 0001 78 0001 63',
      },
      {
        what: 'with a will topic that has a wildcard',
        code: 0x81,
        bytes: '10 15 0004 4d515454 05 06 003c 00 0001 63 00 0001 23 0001 78',
      },
    ];
    for (const { what, code, bytes } of refusals) {
      clause(
        ['MQTT-3.1.4-1', 'MQTT-3.2.2-6', 'MQTT-3.2.2-7', 'MQTT-3.2.2-8', 'MQTT-3.14.0-1'],
        `${what} hears CONNACK of 0x${code.toString(16)}, then the close`,
        async () => {
          const client = await broker.open();
          client.sendBytes(hex(bytes));
          await client.closed();

          expect(client.rest()).toMatchObject([{ cmd: 'connack', reasonCode: code, sessionPresent: false }]);
        },
      );
    }

    clause(['MQTT-3.1.4-2', 'MQTT-4.12.0-1', 'MQTT-4.12.0-4'], 'for its authentication method hears 0x8c', async () => {
      const client = await broker.open();
      client.send(connectPacket('a', { properties: { authenticationMethod: 'SCRAM-SHA-1' } }));
      await client.closed();

      expect(client.rest()).toMatchObject([{ cmd: 'connack', reasonCode: 0x8c, sessionPresent: false }]);
    });

    clause('MQTT-3.1.4-6', 'takes along what follows it, in its frame or behind', async () => {
      const observer = await broker.connect('observer');
      await observer.subscribe('refused/#');
      const client = await broker.open();
      client.send(
        connectPacket('a', { properties: { authenticationMethod: 'SCRAM-SHA-1' } }),
        publishPacket('refused/a', 'x', { qos: 1, messageId: 1 }),
        { cmd: 'subscribe', messageId: 2, subscriptions: [subscription('refused/#')] },
      );
      client.send(publishPacket('refused/b', 'y'));
      await client.closed();

      expect(client.rest()).toMatchObject([{ cmd: 'connack', reasonCode: 0x8c }]);
      expect(await broker.heardBy(observer)).toEqual([]);
    });

    clause('MQTT-3.1.2-2', 'for its protocol version hears so in words that clients of all versions know', async () => {
      const client = await broker.open();
      client.sendBytes(hex('10 0e 0004 4d515454 06 02 003c 00 0001 63'));
      await client.closed();

      expect(client.bytes).toEqual(hex('20 02 00 01')); // "unacceptable protocol version" of 3.1.1
    });

    it('leaves the session of its client id alone, and whoever has it', async () => {
      const client = await broker.resume('bystander');
      await client.subscribe('to/bystander');
      const other = await broker.open();
      other.send(connectPacket('bystander', { properties: { authenticationMethod: 'SCRAM-SHA-1' } }));
      await other.closed();
      const publisher = await broker.connect('publisher');
      await publisher.publish('to/bystander', 'still here', { qos: 1 });

      expect(await client.hear()).toMatchObject({ text: 'still here' });
    });

    clause(
      ['MQTT-3.2.2-19', 'MQTT-3.2.2-20'],
      'hears no reason string where its packets may not be that large',
      async () => {
        const client = await broker.open();
        client.send(connectPacket('a', { properties: { authenticationMethod: 'SCRAM-SHA-1', maximumPacketSize: 16 } }));
        await client.closed();

        expect(client.bytes.length).toBeLessThanOrEqual(16);
        expect(client.rest()).toMatchObject([{ cmd: 'connack', reasonCode: 0x8c }]);
      },
    );

    it('hears why', async () => {
      const client = await broker.open();
      client.send(connectPacket('a', { properties: { authenticationMethod: 'SCRAM-SHA-1' } }));

      expect((await client.next('connack')).properties).toMatchObject({ reasonString: expect.stringMatching(/SCRAM/) });
    });
  });
});
