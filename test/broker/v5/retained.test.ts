/*
 * Proved elsewhere: retained messages that expire: message-expiry.test.ts; Retain As Published: subscribe.test.ts.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Broker5 } from '../../support/broker5';
import { clause } from '../../support/clause';
import type { Client5 } from '../../support/client5';
import { hex } from '../../support/packets';

describe('a retained message', () => {
  let broker: Broker5;
  let publisher: Client5;
  let visitor: Client5;
  let topic = '';
  let count = 0;

  beforeAll(async () => {
    broker = await Broker5.start();
  });

  beforeEach(async () => {
    publisher = await broker.connect('publisher');
    visitor = await broker.connect('visitor');
    count += 1;
    topic = `kept/${count}`;
  });

  afterAll(() => broker.stop());

  function retain(payload: string): Promise<number> {
    return publisher.publish(topic, payload, { qos: 1, retain: true });
  }

  async function heard(): Promise<string[]> {
    return (await broker.heardBy(visitor)).map(({ text }) => text);
  }

  for (const qos of [0, 1, 2] as const) {
    clause('MQTT-3.3.1-5', `at QoS ${qos} replaces the one before`, async () => {
      await publisher.publish(topic, 'old', { qos, retain: true });
      await publisher.publish(topic, 'new', { qos, retain: true });
      await visitor.subscribe(topic);

      expect(await broker.heardBy(visitor)).toMatchObject([{ topic, text: 'new', retain: true, qos }]);
    });
  }

  clause('MQTT-3.3.1-5', 'keeps all properties of its publisher', async () => {
    const properties = {
      payloadFormatIndicator: true,
      contentType: 'text/plain',
      responseTopic: 'answers',
      correlationData: hex('00 ff'),
      userProperties: { a: ['1', '2'] },
    };
    await publisher.publish(topic, 'x', { qos: 1, retain: true, properties });
    await visitor.subscribe(topic);

    expect((await visitor.hear()).properties).toEqual(properties);
  });

  clause(
    ['MQTT-3.3.1-6', 'MQTT-3.3.1-7'],
    'is removed by an empty one, which is delivered and not retained',
    async () => {
      await retain('x');
      const subscriber = await broker.connect('subscriber');
      await subscriber.subscribe({ topic, rap: true, rh: 2 });
      await retain('');
      await visitor.subscribe(topic);

      expect(await broker.heardBy(subscriber)).toMatchObject([{ topic, text: '', retain: true }]);
      expect(await heard()).toEqual([]);
    },
  );

  clause('MQTT-3.3.1-8', 'is kept by a message without RETAIN, also by an empty one', async () => {
    await retain('kept');
    await publisher.publish(topic, 'passing', { qos: 1 });
    await publisher.publish(topic, '', { qos: 1 });
    await visitor.subscribe(topic);

    expect(await heard()).toEqual(['kept']);
  });

  describe('and Retain Handling', () => {
    clause(['MQTT-3.3.1-9', 'MQTT-3.8.4-4'], '0: is sent at each SUBSCRIBE', async () => {
      await retain('x');
      for (let times = 0; times < 2; times++) {
        await visitor.subscribe({ topic, rh: 0 });
        expect(await heard()).toEqual(['x']);
      }
    });

    clause('MQTT-3.3.1-10', '1: is sent for a new subscription only', async () => {
      await retain('x');
      await visitor.subscribe({ topic, rh: 1 });
      expect(await heard()).toEqual(['x']);
      await visitor.subscribe({ topic, rh: 1, qos: 0 });
      expect(await heard()).toEqual([]);
      await visitor.unsubscribe(topic);
      await visitor.subscribe({ topic, rh: 1 });

      expect(await heard()).toEqual(['x']);
    });

    clause('MQTT-3.3.1-10', '1: is not sent to a session that was resumed with its subscription', async () => {
      await retain('x');
      const before = await broker.resume('returning');
      await before.subscribe({ topic, rh: 2 });
      await broker.leave(before);
      visitor = await broker.resume('returning');
      await visitor.subscribe({ topic, rh: 1 });

      expect(await heard()).toEqual([]);
    });

    clause('MQTT-3.3.1-11', '2: is never sent', async () => {
      await retain('x');
      for (let times = 0; times < 2; times++) {
        await visitor.subscribe({ topic, rh: 2 });
        expect(await heard()).toEqual([]);
      }
      await publisher.publish(topic, 'live', { qos: 1 });

      expect(await heard()).toEqual(['live']);
    });

    it('applies to each filter of one SUBSCRIBE', async () => {
      await retain('x');
      await visitor.subscribe([
        { topic, rh: 2, qos: 0 },
        { topic: `+/${count}`, rh: 0, qos: 1 },
        { topic: 'kept/#', rh: 2 },
      ]);

      expect(await broker.heardBy(visitor)).toMatchObject([{ text: 'x', qos: 1, retain: true }]);
    });
  });

  it('has RETAIN for a new subscription with and without Retain As Published', async () => {
    await retain('x');
    for (const rap of [false, true]) {
      await visitor.subscribe({ topic, rap });
      expect(await broker.heardBy(visitor)).toMatchObject([{ text: 'x', retain: true }]);
    }
  });

  clause('MQTT-3.8.4-8', 'is sent at the lower of its QoS and the granted QoS', async () => {
    await retain('at 1');
    for (const qos of [0, 1, 2] as const) {
      await visitor.subscribe({ topic, qos });
      expect(await broker.heardBy(visitor)).toMatchObject([{ qos: Math.min(qos, 1) }]);
    }
  });
});
