/*
 * Proved elsewhere: retained messages of a will: will.test.ts; the access paths: test/storage; concurrent publishes and
 * subscriptions: retained-order.test.ts.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { clause } from '../support/clause';
import { TestBroker } from '../support/test-broker';
import { publishPacket, type TextClient } from '../support/text-client';

describe('a retained message', () => {
  let broker: TestBroker;
  let publisher: TextClient;
  let visitors = 0;

  beforeAll(async () => {
    broker = await TestBroker.start({ settings: { queueLimit: 10 } });
    publisher = await broker.connect('publisher');
  });

  afterAll(() => broker.stop());

  /** Returns the messages that a new subscriber to filters gets at once. */
  async function found(...filters: string[]): Promise<{ topic: string; text: string }[]> {
    visitors += 1;
    const visitor = await broker.connect(`visitor ${visitors}`);
    await visitor.subscribe(0, ...filters);
    return broker.heardBy(visitor);
  }

  async function topicsFound(...filters: string[]): Promise<string[]> {
    return (await found(...filters)).map(({ topic }) => topic).sort();
  }

  clause('v3 MQTT-3.3.1-5', 'is sent to later subscribers with RETAIN 1', async () => {
    await publisher.publish('kept/a', 'hello', { qos: 1, retain: true });

    expect(await found('kept/a')).toEqual([{ topic: 'kept/a', text: 'hello', qos: 0, retain: true, dup: false }]);
  });

  clause('v3 MQTT-3.3.1-9', 'is delivered with RETAIN 0 to earlier subscribers', async () => {
    const subscriber = await broker.connect('early');
    await subscriber.subscribe(1, 'live');
    await publisher.publish('live', 'hello', { qos: 1, retain: true });

    expect(await subscriber.hear()).toMatchObject({ text: 'hello', retain: false });
  });

  clause('v3 MQTT-3.3.1-7', 'replaces the one before, at any QoS', async () => {
    for (const qos of [2, 1, 0] as const) {
      await publisher.publish('replaced', `at ${qos}`, { qos, retain: true });
      expect(await found('replaced')).toMatchObject([{ text: `at ${qos}` }]);
    }
  });

  clause('v3 MQTT-3.3.1-5', 'of a batch is the last message of its topic', async () => {
    publisher.send(
      publishPacket('batch', '1', { retain: true }),
      publishPacket('batch', '', { retain: true }),
      publishPacket('batch', '2', { retain: true }),
      publishPacket('batch', 'not this'),
    );
    await publisher.ping();

    expect(await found('batch')).toMatchObject([{ text: '2' }]);
  });

  clause('v3 MQTT-3.3.1-10', 'is removed by an empty one, which subscribers get as any other', async () => {
    const subscriber = await broker.connect('early');
    await subscriber.subscribe(0, 'removed');
    await publisher.publish('removed', 'hello', { retain: true });
    await publisher.publish('removed', '', { retain: true });

    expect(await broker.heardBy(subscriber)).toMatchObject([
      { text: 'hello', retain: false },
      { text: '', retain: false },
    ]);
    expect(await found('removed', '+', '#', 'removed/#')).not.toContainEqual(
      expect.objectContaining({ topic: 'removed' }),
    );
  });

  clause('v3 MQTT-3.3.1-11', 'that is empty is not stored', async () => {
    await publisher.publish('void', '', { qos: 1, retain: true });

    expect(await found('void')).toEqual([]);
  });

  clause('v3 MQTT-3.3.1-12', 'is neither replaced nor removed by a message without RETAIN', async () => {
    await publisher.publish('stays', 'kept', { qos: 1, retain: true });
    await publisher.publish('stays', 'passing', { qos: 1 });
    await publisher.publish('stays', '', { qos: 1 });

    expect(await found('stays')).toMatchObject([{ text: 'kept' }]);
  });

  clause('v3 MQTT-3.3.1-6', 'is sent for every filter that matches, whichever index finds it', async () => {
    for (const topic of ['tree/a/state', 'tree/b/state', 'tree/b', 'tree', '/tree', 'tree/', '$tree/a']) {
      await publisher.publish(topic, topic, { retain: true });
    }

    expect(await topicsFound('tree/#')).toEqual(['tree', 'tree/', 'tree/a/state', 'tree/b', 'tree/b/state']);
    expect(await topicsFound('tree/+')).toEqual(['tree/', 'tree/b']);
    expect(await topicsFound('tree/+/state')).toEqual(['tree/a/state', 'tree/b/state']);
    expect(await topicsFound('+/b/state')).toEqual(['tree/b/state']);
    expect(await topicsFound('+/b/#')).toEqual(['tree/b', 'tree/b/state']);
    expect(await topicsFound('/+')).toEqual(['/tree']);
    expect(await topicsFound('$tree/+')).toEqual(['$tree/a']);
    expect(await topicsFound('+/a')).not.toContain('$tree/a');
    expect(await topicsFound('#')).toEqual(
      expect.arrayContaining(['/tree', 'tree', 'tree/', 'tree/a/state', 'tree/b']),
    );
    expect(await topicsFound('#')).not.toContain('$tree/a');
  });

  clause('v3 MQTT-3.8.4-3', 'is sent again if its subscriber subscribes again', async () => {
    await publisher.publish('again', 'hello', { retain: true });
    const subscriber = await broker.connect('curious');
    for (let count = 0; count < 2; count++) {
      await subscriber.subscribe(1, 'again');
      expect(await subscriber.hear()).toMatchObject({ text: 'hello', retain: true });
    }
  });

  clause('v3 MQTT-3.3.1-8', 'is not sent again if a session is resumed', async () => {
    await publisher.publish('not again', 'hello', { retain: true });
    const before = await broker.resume('returning');
    await before.subscribe(1, 'not again');
    await before.hear();
    await before.disconnect();
    const after = await broker.resume('returning');

    expect(await broker.heardBy(after)).toEqual([]);
  });

  clause('v3 MQTT-3.8.4-6', 'is sent at the lower of its QoS and the granted QoS', async () => {
    for (const published of [0, 1, 2] as const) {
      await publisher.publish(`levels/${published}`, 'x', { qos: published, retain: true });
    }
    for (const granted of [0, 1, 2] as const) {
      const subscriber = await broker.connect(`granted ${granted}`);
      await subscriber.subscribe(granted, 'levels/+');
      const levels: Record<string, number> = {};
      for (let count = 0; count < 3; count++) {
        const { topic, qos, retain } = await subscriber.hear();
        expect(retain).toBe(true);
        levels[topic] = qos;
      }
      expect(levels).toEqual({ 'levels/0': 0, 'levels/1': Math.min(1, granted), 'levels/2': granted });
    }
  });

  clause('v3 MQTT-4.4.0-1', 'is sent again with RETAIN and DUP if it was not acknowledged', async () => {
    await publisher.publish('unacknowledged', 'hello', { qos: 1, retain: true });
    const before = await broker.resume('interrupted');
    await before.subscribe(1, 'unacknowledged');
    await before.next('publish');
    await broker.lose(before);
    const after = await broker.resume('interrupted');

    expect(await after.hear()).toMatchObject({ text: 'hello', retain: true, dup: true });
  });

  clause('v3 MQTT-3.1.2-7', 'outlives the session of its publisher', async () => {
    const passing = await broker.connect('passing');
    await passing.publish('testament', 'hello', { retain: true });
    await passing.disconnect();

    expect(await found('testament')).toMatchObject([{ text: 'hello' }]);
  });

  it('is sent after SUBACK, and before later messages', async () => {
    await publisher.publish('sequence', 'old', { qos: 1, retain: true });
    const subscriber = await broker.connect('sequential');
    subscriber.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'sequence', qos: 1 }] });
    await subscriber.next('publish');
    expect(subscriber.rest()).toMatchObject([{ cmd: 'suback' }]);
    await publisher.publish('sequence', 'new', { qos: 1 });

    expect(await subscriber.hear()).toMatchObject({ text: 'new', retain: false });
  });

  it('is sent at QoS 1 with all others, also if they are more than the queue limit', async () => {
    const topics = Array.from({ length: 35 }, (_, index) => `crowd/${String(index).padStart(2, '0')}`);
    publisher.send(
      ...topics.map((topic, index) => publishPacket(topic, 'x', { qos: 1, messageId: 100 + index, retain: true })),
    );
    for (const _ of topics) await publisher.next('puback');
    const subscriber = await broker.connect('collector');
    await subscriber.subscribe(1, 'crowd/#');
    const got = new Set<string>();
    for (const _ of topics) got.add((await subscriber.hear()).topic);

    expect([...got].sort()).toEqual(topics);
    await subscriber.ping();
    await publisher.publish('crowd/00', 'there is room again', { qos: 1 });
    expect(await subscriber.hear()).toMatchObject({ text: 'there is room again' });
  });

  it('may have a topic of thousands of bytes that differs only in the last one', async () => {
    const long = `long/${'x'.repeat(3000)}`;
    await publisher.publish(`${long}/1`, 'one', { retain: true });
    await publisher.publish(`${long}/2`, 'two', { retain: true });

    expect(await found(`${long}/2`)).toMatchObject([{ text: 'two' }]);
    expect(await topicsFound(`${long}/+`)).toEqual([`${long}/1`, `${long}/2`]);
    expect(await topicsFound('+/+/2')).toEqual([`${long}/2`]);
  });
});
