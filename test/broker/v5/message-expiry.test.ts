import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Broker5 } from '../../support/broker5';
import { clause } from '../../support/clause';
import { type Client5, type Heard5, publishPacket } from '../../support/client5';

const second = 1000;

describe('a message with an expiry', () => {
  let broker: Broker5;
  let publisher: Client5;

  beforeAll(async () => {
    broker = await Broker5.start({ settings: { maxSessionExpiry: 0 } });
    broker.cloud.clock.hold();
    publisher = await broker.connect('publisher', { keepalive: 540 });
  });

  afterAll(() => broker.stop());

  function publish(topic: string, text: string, qos: 0 | 1 | 2, seconds?: number, retain = false): Promise<number> {
    const properties = seconds === undefined ? {} : { messageExpiryInterval: seconds };
    return publisher.publish(topic, text, { qos, retain, properties });
  }

  /** A client that has subscribed to its own name and is away. */
  async function absent(clientId: string): Promise<void> {
    const client = await broker.resume(clientId);
    await client.subscribe(clientId);
    await broker.leave(client);
  }

  /** Allows for the milliseconds between two connections. */
  function expectLeft({ properties }: Heard5, seconds: number): void {
    expect(properties.messageExpiryInterval).toBeLessThanOrEqual(seconds);
    expect(properties.messageExpiryInterval).toBeGreaterThanOrEqual(seconds - 1);
  }

  for (const qos of [0, 1, 2] as const) {
    clause('MQTT-3.3.2-6', `at QoS ${qos} is complete for a connected client`, async () => {
      const subscriber = await broker.connect('online');
      await subscriber.subscribe('online');
      await publish('online', 'x', qos, 100);

      expectLeft(await subscriber.hear(), 100);
    });
  }

  for (const qos of [1, 2] as const) {
    clause('MQTT-3.3.2-6', `at QoS ${qos} is the remaining time for a client that returns`, async () => {
      await absent(`back in time ${qos}`);
      await publish(`back in time ${qos}`, 'x', qos, 100);
      broker.cloud.clock.jump(30 * second);

      expectLeft(await (await broker.resume(`back in time ${qos}`)).hear(), 70);
    });

    clause('MQTT-3.3.2-5', `at QoS ${qos} is dropped when a client that was away returns too late`, async () => {
      await absent(`back too late ${qos}`);
      await publish(`back too late ${qos}`, 'short', qos, 10);
      await publish(`back too late ${qos}`, 'long', qos, 100);
      await publish(`back too late ${qos}`, 'endless', qos);
      await publish(`back too late ${qos}`, 'short too', qos, 29);
      broker.cloud.clock.jump(30 * second);
      const heard = await broker.heardBy(await broker.resume(`back too late ${qos}`));

      expect(heard.map(({ text }) => text)).toEqual(['long', 'endless']);
    });

    it(`at QoS ${qos} that was dropped is not sent later`, async () => {
      await absent(`gone for good ${qos}`);
      await publish(`gone for good ${qos}`, 'x', qos, 10);
      broker.cloud.clock.jump(11 * second);
      await broker.lose(await broker.resume(`gone for good ${qos}`));
      const again = await broker.resume(`gone for good ${qos}`);
      await broker.cloud.settled();
      await again.ping();

      expect(again.rest()).toEqual([]);
    });
  }

  clause('MQTT-3.3.2-5', 'is dropped while it waits for the Receive Maximum of its subscriber', async () => {
    const subscriber = await broker.connect('slow', { properties: { receiveMaximum: 1 } });
    await subscriber.subscribe('slow');
    await publish('slow', 'one', 1);
    await publish('slow', 'two', 1, 10);
    await publish('slow', 'three', 1);
    broker.cloud.clock.jump(11 * second);
    const texts = [(await subscriber.hear()).text, (await subscriber.hear()).text];

    expect(texts).toEqual(['one', 'three']);
    expect(await broker.heardBy(subscriber)).toEqual([]);
  });

  it('is sent again after it has expired, at QoS 1, because it was sent before', async () => {
    const before = await broker.resume('had it');
    await before.subscribe('had it');
    await publish('had it', 'x', 1, 10);
    await before.next('publish');
    await broker.lose(before);
    broker.cloud.clock.jump(11 * second);

    expect(await (await broker.resume('had it')).hear()).toMatchObject({ text: 'x', dup: true });
  });

  clause(
    ['MQTT-4.3.3-7', 'MQTT-4.3.3-13'],
    'at QoS 2 does not expire after it was sent: its handshake is completed',
    async () => {
      const before = await broker.resume('has it');
      await before.subscribe('had it');
      await publish('had it', 'x', 2, 10);
      const { messageId } = await before.next('publish');
      await broker.lose(before);
      broker.cloud.clock.jump(11 * second);
      const after = await broker.resume('has it');

      expect(await after.next('publish')).toMatchObject({ messageId, dup: true });
      after.send({ cmd: 'pubrec', messageId });
      expect(await after.next('pubrel')).toMatchObject({ messageId });
      after.send({ cmd: 'pubcomp', messageId });
      await after.ping();
    },
  );

  clause(
    'MQTT-4.3.3-13',
    'at QoS 2 that expires before PUBREL completes its handshake without a delivery',
    async () => {
      const subscriber = await broker.connect('online');
      await subscriber.subscribe('held');
      publisher.send(publishPacket('held', 'x', { qos: 2, messageId: 900, properties: { messageExpiryInterval: 10 } }));
      await publisher.next('pubrec');
      broker.cloud.clock.jump(11 * second);
      publisher.send({ cmd: 'pubrel', messageId: 900 });

      expect(await publisher.next('pubcomp')).toMatchObject({ messageId: 900 });
      expect(await broker.heardBy(subscriber)).toEqual([]);
    },
  );

  describe('that is retained', () => {
    clause('MQTT-3.3.2-6', 'has the remaining time for each new subscriber', async () => {
      await publish('retained', 'x', 1, 100, true);
      for (const passed of [30, 60]) {
        broker.cloud.clock.jump(30 * second);
        for (const qos of [0, 1] as const) {
          const visitor = await broker.connect('visitor');
          await visitor.subscribe({ topic: 'retained', qos });
          expectLeft(await visitor.hear(), 100 - passed);
        }
      }
    });

    clause('MQTT-3.3.2-5', 'is not sent to a subscriber that comes too late', async () => {
      await publish('retained/short', 'x', 1, 10, true);
      await publish('retained/long', 'y', 1, 100, true);
      broker.cloud.clock.jump(11 * second);
      const visitor = await broker.connect('visitor');
      await visitor.subscribe(['retained/short', 'retained/+']);

      expect((await broker.heardBy(visitor)).map(({ text }) => text)).toEqual(['y']);
    });

    it('does not restore the message that it replaced', async () => {
      await publish('retained/replaced', 'endless', 1, undefined, true);
      await publish('retained/replaced', 'short', 1, 10, true);
      broker.cloud.clock.jump(11 * second);
      const visitor = await broker.connect('visitor');
      await visitor.subscribe('retained/replaced');

      expect(await broker.heardBy(visitor)).toEqual([]);
    });
  });

  it('of the maximum outlives a month', async () => {
    await absent('patient');
    await publish('patient', 'x', 1, 0xffff_ffff);
    broker.cloud.clock.jump(30 * 86_400 * second);

    expectLeft(await (await broker.resume('patient')).hear(), 0xffff_ffff - 30 * 86_400);
  });
});
