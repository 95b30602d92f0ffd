/*
 * Proved elsewhere:
 *   test/protocol: what a malformed CONNECT is [v3 MQTT-3.1.2-1] to [v3 MQTT-3.1.2-3], [v3 MQTT-3.1.2-14], [v3 MQTT-3.1.2-22],
 *     [v3 MQTT-3.1.3-1], [v3 MQTT-3.1.3-4], [v3 MQTT-3.1.3-10], [v3 MQTT-3.1.3-11]
 *   session.test.ts: [v3 MQTT-3.1.2-4] to [v3 MQTT-3.1.2-6], [v3 MQTT-3.2.2-1] to [v3 MQTT-3.2.2-3]
 *   will.test.ts: [v3 MQTT-3.1.2-8], [v3 MQTT-3.1.2-10], [v3 MQTT-3.1.2-24]
 *   takeover.test.ts: [v3 MQTT-3.1.4-2]
 * Not proved: [v3 MQTT-3.2.2-5] for the return codes 0x03 to 0x05, which nothing here says yet.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { clause } from '../support/clause';
import { hex } from '../support/packets';
import { TestBroker } from '../support/test-broker';
import { publishPacket } from '../support/text-client';

describe('CONNECT', () => {
  let broker: TestBroker;

  beforeAll(async () => {
    broker = await TestBroker.start();
  });

  afterAll(() => broker.stop());

  clause(['v3 MQTT-3.2.0-1', 'v3 MQTT-3.1.4-4'], 'is answered with CONNACK before anything else', async () => {
    const client = await broker.open();
    client.send({ cmd: 'connect', clientId: 'first', clean: true, keepalive: 60 }, { cmd: 'pingreq' });
    await client.next('pingresp');

    expect(client.rest()).toMatchObject([{ cmd: 'connack', returnCode: 0, sessionPresent: false }]);
  });

  clause('v3 MQTT-3.2.0-1', 'is answered before a message that its own frame subscribed to', async () => {
    const publisher = await broker.connect('busy');
    const client = await broker.open();
    // Holds the turn up between its subscription and its end, while others publish.
    await broker.cloud.faults.set({ fault: 'call', table: 'retained', outcome: 'throttle', times: 2 });
    client.send(
      { cmd: 'connect', clientId: 'eager', clean: true, keepalive: 60 },
      { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'busy/+', qos: 1 }] },
    );
    await broker.struck();
    await publisher.publish('busy/a', 'at 0');
    await publisher.publish('busy/a', 'at 1', { qos: 1 });
    await client.next('suback');
    await broker.cloud.faults.clear();
    await client.ping();

    expect(client.rest()[0]).toMatchObject({ cmd: 'connack' });
  });

  clause('v3 MQTT-3.1.4-5', 'may be followed at once by other packets, in one frame', async () => {
    const client = await broker.open();
    client.send(
      { cmd: 'connect', clientId: 'hasty', clean: true, keepalive: 60 },
      { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'hasty', qos: 1 }] },
      publishPacket('hasty', 'hello', { qos: 1, messageId: 2 }),
    );
    const message = await client.next('publish');
    await client.next('puback');

    expect(message).toMatchObject({ topic: 'hasty', qos: 1 });
    expect(client.rest()).toMatchObject([{ cmd: 'connack' }, { cmd: 'suback', granted: [1] }]);
  });

  clause('v3 MQTT-3.1.0-1', 'must come first: another packet closes the connection', async () => {
    const client = await broker.open();
    client.send({ cmd: 'pingreq' });

    await client.closed();
    expect(client.rest()).toEqual([]);
  });

  clause('v3 MQTT-3.1.0-2', 'a second time closes the connection', async () => {
    const client = await broker.connect('twice');
    client.send({ cmd: 'connect', clientId: 'twice', clean: true, keepalive: 60 });

    await client.closed();
    expect(client.rest()).toEqual([]);
  });

  clause('v3 MQTT-3.1.0-2', 'a second time in the same frame closes the connection', async () => {
    const client = await broker.open();
    const connect = { cmd: 'connect', clientId: 'twice', clean: true, keepalive: 60 } as const;
    client.send(connect, connect);

    await client.closed();
    await broker.cloud.settled();
    expect(await sessionPresent('twice')).toBe(false);
  });

  clause('v3 MQTT-3.1.2-2', 'with an unknown protocol level hears return code 0x01, then the close', async () => {
    const client = await broker.open();
    client.sendBytes(hex('10 0d 0004 4d515454 06 02 003c 0001 63'));

    expect(await client.next('connack')).toMatchObject({ returnCode: 1, sessionPresent: false });
    await client.closed();
  });

  clause('v3 MQTT-3.1.2-1', 'with an unknown protocol name hears nothing but the close', async () => {
    const client = await broker.open();
    client.sendBytes(hex('10 0d 0004 48545450 04 02 003c 0001 63'));

    await client.closed();
    expect(client.rest()).toEqual([]);
  });

  clause('v3 MQTT-3.1.4-1', 'with its reserved flag set hears nothing but the close', async () => {
    const client = await broker.open();
    client.sendBytes(hex('10 0d 0004 4d515454 04 03 003c 0001 63'));

    await client.closed();
    expect(client.rest()).toEqual([]);
  });

  clause('v3 MQTT-3.1.4-5', 'that is refused takes what follows it along', async () => {
    const observer = await broker.connect('observer');
    await observer.subscribe(1, 'refused/#');
    const client = await broker.open();
    const publish = hex('30 0c 0009 726566757365642f61 78');
    client.sendBytes(Buffer.concat([hex('10 0d 0004 4d515454 06 02 003c 0001 63'), publish]));
    await client.closed();

    expect(await broker.heardBy(observer)).toEqual([]);
  });

  describe('of MQTT 3.1', () => {
    const options = { protocolId: 'MQIsdp', protocolVersion: 3 } as const;

    it('is welcome, subscribes, publishes and hears at every QoS', async () => {
      const client = await broker.connect('veteran', options);
      expect(await client.subscribe(2, 'veteran/#')).toEqual([2]);
      for (const qos of [0, 1, 2] as const) {
        await client.publish('veteran/a', `at ${qos}`, { qos });
        expect(await client.hear()).toMatchObject({ topic: 'veteran/a', text: `at ${qos}`, qos });
      }
      await client.disconnect();
    });

    it('resumes its session, which its CONNACK has no word for', async () => {
      const before = await broker.resume('veteran', options);
      await before.subscribe(1, 'letters');
      await before.disconnect();
      const publisher = await broker.connect('publisher');
      await publisher.publish('letters', 'hello', { qos: 1 });
      const after = await broker.resume('veteran', options);

      expect(after.connack).toMatchObject({ returnCode: 0, sessionPresent: false });
      expect(await after.hear()).toMatchObject({ text: 'hello', qos: 1 });
    });

    it('may repeat SUBSCRIBE with DUP', async () => {
      const client = await broker.connect('stutterer', options);
      client.sendBytes(hex('8a 06 0007 0001 61 01'));

      expect(await client.next('suback')).toMatchObject({ messageId: 7, granted: [1] });
    });

    it('without a client id hears return code 0x02, then the close', async () => {
      const client = await broker.open();
      client.sendBytes(hex('10 0e 0006 4d5149736470 03 02 003c 0000'));

      expect(await client.next('connack')).toMatchObject({ returnCode: 2 });
      await client.closed();
    });

    it('is welcome under the subprotocol mqttv3.1', async () => {
      const client = await broker.open('mqttv3.1');
      await client.connect('veteran', options);

      expect(client.socket.protocol).toBe('mqttv3.1');
    });
  });

  describe('client id', () => {
    clause('v3 MQTT-3.1.3-6', 'is assigned to a client without one, each its own', async () => {
      const [one, other] = [await broker.connect(''), await broker.connect('')];
      await one.subscribe(0, 'assigned');
      await other.subscribe(0, 'assigned');
      await one.publish('assigned', 'hello');

      expect(await one.hear()).toMatchObject({ text: 'hello' });
      expect(await other.hear()).toMatchObject({ text: 'hello' });
    });

    clause(
      ['v3 MQTT-3.1.3-8', 'v3 MQTT-3.2.2-4', 'v3 MQTT-3.2.2-5'],
      'may not be empty when the session is to outlive the connection',
      async () => {
        const client = await broker.open();
        client.send({ cmd: 'connect', clientId: '', clean: true, keepalive: 60 });
        await client.next('connack');
        const refused = await broker.open();
        refused.sendBytes(hex('10 0c 0004 4d515454 04 00 003c 0000'));

        expect(await refused.next('connack')).toMatchObject({ returnCode: 2, sessionPresent: false });
        await refused.closed();
      },
    );

    clause('v3 MQTT-3.1.3-5', 'may be any text of up to 1,024 bytes', async () => {
      for (const clientId of ['a', ' ', 'Küche/+/#', '💡', 'head', 'i'.repeat(23), 'long'.repeat(256)]) {
        const client = await broker.resume(clientId);
        await client.subscribe(1, `to/all`);
        await client.publish('to/all', 'hello', { qos: 1 });
        expect(await client.hear()).toMatchObject({ text: 'hello' });
        await client.unsubscribe('to/all');
        await client.disconnect();
        expect(await sessionPresent(clientId)).toBe(true);
      }
    });

    it('is refused when it is longer', async () => {
      const client = await broker.connect('x'.repeat(1025));
      await client.closed();

      expect(client.connack).toMatchObject({ returnCode: 2 });
    });

    clause('v3 MQTT-3.1.3-2', 'tells sessions apart by every character', async () => {
      const long = 'long'.repeat(255);
      await (await broker.resume(`${long}1`)).disconnect();

      expect(await sessionPresent(`${long}2`)).toBe(false);
      expect(await sessionPresent(`${long}1`)).toBe(true);
    });
  });

  clause('v3 MQTT-3.14.4-3', 'is free to come again after DISCONNECT, on another socket', async () => {
    const client = await broker.connect('comes back');
    await client.disconnect();

    expect((await broker.connect('comes back')).connack).toMatchObject({ returnCode: 0 });
  });

  clause(
    ['MQTT-6.0.0-4', 'v3 MQTT-6.0.0-4'],
    'is for a socket with the subprotocol mqtt, whatever else was offered',
    async () => {
      const client = await broker.open(['soap', 'mqtt']);

      expect(client.socket.protocol).toBe('mqtt');
    },
  );

  it('that offers no subprotocol of MQTT is refused at the handshake', async () => {
    await expect(broker.open('soap')).rejects.toThrow('400');
  });

  async function sessionPresent(clientId: string): Promise<boolean> {
    const client = await broker.resume(clientId);
    await client.disconnect();
    return client.connack?.sessionPresent ?? false;
  }
});
