/*
 * Proved elsewhere: a will of a connection whose loss nobody tells the broker of: test/broker/will.test.ts; a will topic with a
 *   wildcard: connect.test.ts.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { IConnectPacket } from 'mqtt-packet';
import { Broker5, forever } from '../../support/broker5';
import { clause } from '../../support/clause';
import { type Client5, type ConnectFields, connectPacket } from '../../support/client5';
import { hex } from '../../support/packets';

const second = 1000;

type Will = NonNullable<IConnectPacket['will']>;

describe('a will', () => {
  let broker: Broker5;
  let topic = '';
  let clientId = '';
  let count = 0;

  beforeAll(async () => {
    broker = await Broker5.start();
    broker.cloud.clock.hold();
  });

  // An observer that is away hears everything, however much time goes by.
  beforeEach(async () => {
    count += 1;
    topic = `will/${count}`;
    clientId = `mortal ${count}`;
    const observer = await broker.resume(`observer ${count}`);
    await observer.subscribe({ topic, rap: true });
    await broker.leave(observer);
  });

  afterAll(() => broker.stop());

  function willOf(properties: Will['properties'] = {}, fields: Partial<Will> = {}): Pick<ConnectFields, 'will'> {
    return { will: { topic, payload: 'gone', qos: 1, retain: false, properties, ...fields } };
  }

  /** A client with a will that is published after so many seconds, and a session that ends after so many. */
  function mortal(delay: number, sessionExpiry: number, fields: ConnectFields = {}): Promise<Client5> {
    return broker.resume(clientId, sessionExpiry, { ...willOf({ willDelayInterval: delay }), ...fields });
  }

  /** What was published since the last time this was asked. */
  async function published(): Promise<string[]> {
    const observer = await broker.resume(`observer ${count}`);
    const heard = await broker.heardBy(observer);
    await broker.leave(observer);
    await forget(heard.length);
    return heard.map(({ text }) => text);
  }

  /** What waits for the observer is the same until it is acknowledged. */
  async function forget(messages: number): Promise<void> {
    const observer = await broker.resume(`observer ${count}`);
    for (let index = 0; index < messages; index++) await observer.hear();
    await observer.ping();
    await broker.leave(observer);
  }

  describe('without a delay', () => {
    clause(['MQTT-3.1.2-7', 'MQTT-3.1.2-8'], 'is published when the connection is lost', async () => {
      await broker.lose(await mortal(0, 600));

      expect(await published()).toEqual(['gone']);
    });

    clause('MQTT-3.1.2-8', 'is published when the keep-alive runs out', async () => {
      const client = await mortal(0, 600, { keepalive: 10 });
      await broker.pass(16);
      await client.closed();

      expect(await published()).toEqual(['gone']);
    });

    clause('MQTT-3.1.2-8', 'is published when the client breaks the protocol', async () => {
      const client = await mortal(0, 600);
      client.send({ cmd: 'pingresp' });
      await client.farewell();

      expect(await published()).toEqual(['gone']);
    });

    clause('MQTT-3.1.2-8', 'is published when the connection is taken over', async () => {
      const client = await mortal(0, 600);
      await broker.resume(clientId);
      await client.farewell();

      expect(await published()).toEqual(['gone']);
    });

    clause('MQTT-3.1.2-10', 'is published once', async () => {
      await broker.lose(await mortal(0, 60));
      expect(await published()).toEqual(['gone']);
      await broker.lose(await broker.resume(clientId, 60));
      await broker.pass(120);

      expect(await published()).toEqual([]);
    });
  });

  describe('and DISCONNECT', () => {
    clause(['MQTT-3.14.4-3', 'MQTT-3.1.2-10'], '0x00: is discarded, now and for later', async () => {
      for (const delay of [0, 30]) {
        await broker.leave(await mortal(delay, 60));
        await broker.pass(120);
        expect(await published()).toEqual([]);
      }
    });

    clause('MQTT-3.1.2-8', '0x04: is published', async () => {
      await broker.leave(await mortal(0, 600), 0x04);

      expect(await published()).toEqual(['gone']);
    });

    clause('MQTT-3.1.2-8', '0x04: waits for its delay', async () => {
      await broker.leave(await mortal(30, 600), 0x04);
      expect(await published()).toEqual([]);
      await broker.pass(31);

      expect(await published()).toEqual(['gone']);
    });

    clause('MQTT-3.1.2-8', 'that tells of a failure: is published', async () => {
      await broker.leave(await mortal(0, 600), 0x80);

      expect(await published()).toEqual(['gone']);
    });

    clause('MQTT-3.1.2-8', '0x04 with a session expiry of 0: does not wait', async () => {
      await broker.leave(await mortal(30, 600), 0x04, { sessionExpiryInterval: 0 });

      expect(await published()).toEqual(['gone']);
    });
  });

  describe('with a delay', () => {
    clause('MQTT-3.1.2-8', 'is published when it has passed, and not before', async () => {
      await broker.lose(await mortal(30, 600));
      await broker.pass(28);
      expect(await published()).toEqual([]);
      await broker.pass(3);

      expect(await published()).toEqual(['gone']);
    });

    clause('MQTT-3.1.2-8', 'is published by its timer alone, without the schedule', async () => {
      const listener = await broker.connect('listener');
      await listener.subscribe(topic);
      await broker.lose(await mortal(30, 600));
      broker.cloud.clock.jump(31 * second);

      expect(await listener.hear()).toMatchObject({ text: 'gone' });
    });

    clause('MQTT-3.1.2-8', 'longer than a sweep looks ahead is found by the schedule', async () => {
      await broker.lose(await mortal(600, forever));
      await broker.pass(598);
      expect(await published()).toEqual([]);
      await broker.pass(3);

      expect(await published()).toEqual(['gone']);
    });

    clause('MQTT-3.1.2-8', 'is published with the end of its session when that comes first', async () => {
      await broker.lose(await mortal(600, 20));
      await broker.pass(18);
      expect(await published()).toEqual([]);
      await broker.pass(3);

      expect(await published()).toEqual(['gone']);
    });

    clause('MQTT-3.1.2-8', 'is published at once when its session ends with the connection', async () => {
      await broker.lose(await mortal(30, 0));

      expect(await published()).toEqual(['gone']);
    });

    clause('MQTT-3.1.2-8', 'that outlasts every session is published with the end of it', async () => {
      await broker.lose(await mortal(forever, 20));
      await broker.pass(21);

      expect(await published()).toEqual(['gone']);
    });

    clause('MQTT-3.1.3-9', 'is not published when the client returns in time, then or later', async () => {
      await broker.lose(await mortal(30, 600));
      await broker.pass(28);
      const again = await broker.resume(clientId, 600);
      await broker.pass(3);
      expect(await published()).toEqual([]);
      await broker.leave(again);
      await broker.pass(700);

      expect(await published()).toEqual([]);
    });

    clause(
      'MQTT-3.1.2-8',
      'is published when the client returns too late, whether the timer has been heard or not',
      async () => {
        await broker.lose(await mortal(100, 600)); // longer than a timer; the schedule would find it
        broker.cloud.clock.jump(130 * second);
        await broker.resume(clientId, 600);
        await broker.pass(60);

        expect(await published()).toEqual(['gone']);
      },
    );

    clause('MQTT-3.1.3-9', 'is not published when the client takes its own connection over', async () => {
      const first = await mortal(30, 600);
      const second = await broker.resume(clientId, 600);
      await first.farewell();
      await broker.pass(31);
      await second.ping();

      expect(await published()).toEqual([]);
    });

    clause('MQTT-3.1.3-9', 'counts from the last loss when its client returns with it and is lost again', async () => {
      await broker.lose(await mortal(30, 600));
      await broker.pass(20);
      await broker.lose(await mortal(30, 600));
      await broker.pass(20);
      expect(await published()).toEqual([]);
      await broker.pass(11);

      expect(await published()).toEqual(['gone']);
    });

    clause('MQTT-3.1.2-8', 'is published when the client begins a new session', async () => {
      await broker.lose(await mortal(30, 600));
      await broker.connect(clientId);
      await broker.cloud.settled();

      expect(await published()).toEqual(['gone']);
      await broker.pass(60);
      expect(await published()).toEqual([]);
    });

    clause('MQTT-3.1.2-8', 'is published when a new session takes its connection over', async () => {
      const first = await mortal(30, 600);
      await broker.connect(clientId);
      await first.farewell();
      await broker.cloud.settled();

      expect(await published()).toEqual(['gone']);
    });

    it('does not mind who else comes', async () => {
      await broker.lose(await mortal(30, 600));
      await broker.resume(`${clientId} too`, 600);
      await broker.pass(31);

      expect(await published()).toEqual(['gone']);
    });

    for (const sessionExpiry of [60, forever]) {
      it(`is published after it though its client came and went in one frame, session expiry ${sessionExpiry}`, async () => {
        const client = await broker.open();
        const fields = { ...willOf({ willDelayInterval: 30 }), properties: { sessionExpiryInterval: sessionExpiry } };
        client.send(connectPacket(clientId, { clean: false, ...fields }), { cmd: 'disconnect', reasonCode: 0x04 });
        await client.line.closed();
        await broker.pass(25);
        expect(await published()).toEqual([]);
        await broker.pass(10);

        expect(await published()).toEqual(['gone']);
        expect(broker.older.logged('turn failed')).toEqual([]);
      });
    }

    clause('MQTT-3.1.2-8', 'is published when the keep-alive and then the delay have passed', async () => {
      await mortal(30, 600, { keepalive: 10 });
      await broker.pass(16);
      expect(await published()).toEqual([]);
      await broker.pass(31);

      expect(await published()).toEqual(['gone']);
    });

    it('keeps its session for its client, and what the session gets', async () => {
      const before = await mortal(30, 600);
      await before.subscribe(topic);
      await broker.lose(before);
      await broker.pass(31);
      const after = await broker.resume(clientId, 600);

      expect(after.connack).toMatchObject({ sessionPresent: true });
      expect(await after.hear()).toMatchObject({ text: 'gone' });
    });
  });

  describe('says what its client said', () => {
    async function heard() {
      const [message] = await broker.heardBy(await broker.resume(`observer ${count}`));
      return message;
    }

    it('its properties, but not its delay', async () => {
      const properties = {
        payloadFormatIndicator: true,
        contentType: 'text/plain',
        responseTopic: 'condolences',
        correlationData: hex('00 ff'),
        userProperties: { a: ['1', '2'], b: '3' },
      };
      await broker.lose(await mortal(5, 600, willOf({ ...properties, willDelayInterval: 5 })));
      await broker.pass(6);

      expect(await heard()).toMatchObject({ text: 'gone', qos: 1 });
      expect((await heard())?.properties).toEqual(properties);
    });

    clause('MQTT-3.1.3-10', 'its user properties in their order', async () => {
      const pairs = hex('26 0001 62 0001 31  26 0001 61 0001 32  26 0001 62 0001 31');
      const client = await broker.open();
      const name = Buffer.from(topic);
      const variable = Buffer.concat([
        hex('0004 4d515454 05 0e 003c 00 0001 63'),
        Buffer.from([pairs.length]),
        pairs,
        Buffer.from([0, name.length]),
        name,
        hex('0001 78'),
      ]);
      client.sendBytes(Buffer.from([0x10, variable.length]), variable);
      await client.next('connack');
      await broker.lose(client);
      const observer = await broker.resume(`observer ${count}`);
      expect(await observer.hear()).toMatchObject({ text: 'x' });

      expect(observer.bytes.includes(pairs)).toBe(true);
    });

    it('its expiry, which counts from its publication', async () => {
      await broker.lose(await mortal(30, 600, willOf({ willDelayInterval: 30, messageExpiryInterval: 20 })));
      await broker.pass(31);
      broker.cloud.clock.jump(5 * second);
      const left = (await heard())?.properties.messageExpiryInterval;
      expect(left).toBeLessThanOrEqual(15);
      expect(left).toBeGreaterThanOrEqual(13); // it was published a second late
      await broker.pass(16);

      expect(await published()).toEqual(['gone']); // it was sent before
    });

    it('its expiry, after which nobody hears it', async () => {
      await broker.lose(await mortal(0, 600, willOf({ messageExpiryInterval: 20 })));
      await broker.pass(21);

      expect(await published()).toEqual([]);
    });

    for (const qos of [0, 1, 2] as const) {
      clause(['MQTT-3.1.2-14', 'MQTT-3.1.2-15'], `its QoS, here ${qos}, and its RETAIN`, async () => {
        for (const retain of [false, true]) {
          const subscriber = await broker.connect('subscriber');
          await subscriber.subscribe({ topic, rap: true, rh: 2 });
          await broker.lose(await mortal(0, 600, willOf({}, { qos, retain })));
          expect(await subscriber.hear()).toMatchObject({ text: 'gone', qos, retain });
          const visitor = await broker.connect('visitor');
          await visitor.subscribe(topic);

          expect(await broker.heardBy(visitor)).toMatchObject(retain ? [{ text: 'gone', qos, retain: true }] : []);
        }
      });
    }
  });

  clause('MQTT-3.2.2-7', 'declared to be text that it is not refuses the connection with 0x99', async () => {
    const client = await broker.open();
    client.send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 5,
      clientId,
      clean: true,
      keepalive: 60,
      ...willOf({ payloadFormatIndicator: true }, { payload: hex('ff') }),
    });
    await client.closed();

    expect(client.rest()).toMatchObject([{ cmd: 'connack', reasonCode: 0x99 }]);
  });
});
