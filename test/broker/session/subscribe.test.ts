/*
 * Proved elsewhere:
 *   test/protocol/topic-filter.test.ts, shape.test.ts: what matches what [v3 MQTT-4.7.1-2] to [v3 MQTT-4.7.3-4], exhaustively
 *   malformed.test.ts: filters that end the connection; limits.test.ts: filters that are refused
 *   retained.test.ts: what a subscription makes the broker send; qos.test.ts: the QoS of what it delivers
 */
import { afterAll, beforeAll, beforeEach, describe, expect } from '@jest/globals';
import type { QoS } from 'mqtt-packet';
import { clause } from '../../support/clause';
import { hex } from '../../support/packets';
import { TestBroker } from '../../support/test-broker';
import type { TextClient } from '../../support/text-client';

describe('a subscription', () => {
  let broker: TestBroker;
  let publisher: TextClient;
  let subscriber: TextClient;

  beforeAll(async () => {
    broker = await TestBroker.start({ containers: 3 });
    publisher = await broker.connect('publisher');
  });

  beforeEach(async () => {
    subscriber = await broker.connect('subscriber');
  });

  afterAll(() => broker.stop());

  async function texts(): Promise<string[]> {
    return (await broker.heardBy(subscriber)).map(({ text }) => text);
  }

  clause(
    ['v3 MQTT-3.8.4-1', 'v3 MQTT-3.8.4-2', 'v3 MQTT-2.3.1-7'],
    'is acknowledged under the packet id it was asked for with',
    async () => {
      subscriber.send({ cmd: 'subscribe', messageId: 65535, subscriptions: [{ topic: 'a', qos: 0 }] });

      expect(await subscriber.next('suback')).toMatchObject({ messageId: 65535, granted: [0] });
    },
  );

  clause(['v3 MQTT-3.8.4-5', 'v3 MQTT-3.9.3-2'], 'is answered for each filter, in the order asked for', async () => {
    const subscriptions = [
      { topic: 'c', qos: 2 },
      { topic: 'a', qos: 0 },
      { topic: '$share/group', qos: 1 },
      { topic: 'b', qos: 1 },
    ] as const;
    subscriber.send({ cmd: 'subscribe', messageId: 1, subscriptions: [...subscriptions] });

    expect((await subscriber.next('suback')).granted).toEqual([2, 0, 0x80, 1]);
  });

  clause('v3 MQTT-4.5.0-1', 'hears every message that is published after SUBACK, at once', async () => {
    for (let count = 0; count < 5; count++) {
      await subscriber.subscribe(1, `fresh/${count}/+`);
      await publisher.publish(`fresh/${count}/a`, String(count));
    }

    expect(await texts()).toEqual(['0', '1', '2', '3', '4']);
  });

  clause('v3 MQTT-4.5.0-1', 'holds from SUBACK to UNSUBACK for every publisher, in whichever container', async () => {
    const pairs = Array.from({ length: 4 }, async (_, index) => {
      const [from, to] = [await broker.connect(`from ${index}`), await broker.connect(`to ${index}`)];
      for (let count = 0; count < 12; count++) {
        const filter = count % 3 === 0 ? `pair/${index}/+` : count % 3 === 1 ? `pair/${index}/#` : `pair/${index}/a`;
        await to.subscribe((count % 2) as QoS, filter);
        await from.publish(`pair/${index}/a`, String(count), { qos: 1 });
        expect(await to.hear()).toMatchObject({ text: String(count) });
        await to.unsubscribe(filter);
        await from.publish(`pair/${index}/a`, 'unwanted', { qos: 1 });
      }
      expect(await broker.heardBy(to)).toEqual([]);
    });
    await Promise.all(pairs);
  });

  clause('v3 MQTT-4.5.0-1', 'hears what its own client publishes', async () => {
    await subscriber.subscribe(0, 'echo');
    await subscriber.publish('echo', 'hello');

    expect(await texts()).toEqual(['hello']);
  });

  const wildcards: [filter: string, heard: string[]][] = [
    ['sport/#', ['sport', 'sport/', 'sport/tennis', 'sport/tennis/player1']],
    ['sport/+', ['sport/', 'sport/tennis']],
    ['+', ['sport']],
    ['+/+', ['sport/', 'sport/tennis', '/sport']],
    ['/+', ['/sport']],
    ['+/tennis/#', ['sport/tennis', 'sport/tennis/player1']],
    ['#', ['sport', 'sport/', 'sport/tennis', 'sport/tennis/player1', '/sport']],
    ['$priv/#', ['$priv', '$priv/a']],
    ['$priv/+', ['$priv/a']],
    ['+/a', []],
  ];
  for (const [filter, topics] of wildcards) {
    clause(
      [filter.startsWith('$') ? 'v3 MQTT-4.7.2-1' : 'v3 MQTT-4.7.1-3', 'v3 MQTT-3.3.2-3'],
      `to ${filter} hears what it names`,
      async () => {
        await subscriber.subscribe(0, filter);
        const published = ['sport', 'sport/', 'sport/tennis', 'sport/tennis/player1', '/sport', '$priv', '$priv/a'];
        for (const topic of published) await publisher.publish(topic, topic);

        expect(await texts()).toEqual(topics);
      },
    );
  }

  clause('v3 MQTT-3.3.5-2', 'never hears a client speak on $SYS', async () => {
    await subscriber.subscribe(0, '$SYS/#');
    await publisher.publish('$SYS/broker/uptime', 'forged', { qos: 1, retain: true });

    expect(await texts()).toEqual([]);
  });

  clause('v3 MQTT-4.7.3-4', 'is compared character by character', async () => {
    await subscriber.subscribe(0, 'Räume/küche', 'raum ');
    for (const topic of ['Räume/küche', 'räume/küche', 'Ra\u0308ume/küche', 'raum ', 'raum']) {
      await publisher.publish(topic, topic);
    }

    expect(await texts()).toEqual(['Räume/küche', 'raum ']);
  });

  clause('v3 MQTT-3.3.5-1', 'that overlaps others gets one copy, at the highest QoS of them', async () => {
    await subscriber.subscribe(0, 'home/#');
    await subscriber.subscribe(2, 'home/+/light');
    await subscriber.subscribe(1, 'home/kitchen/light');
    await publisher.publish('home/kitchen/light', 'on', { qos: 2 });

    expect(await subscriber.hear()).toMatchObject({ text: 'on', qos: 2 });
    expect(await texts()).toEqual([]);
  });

  clause('v3 MQTT-3.8.4-3', 'to the same filter replaces the QoS, upward and downward', async () => {
    for (const qos of [0, 2, 1] as const) {
      await subscriber.subscribe(qos, 'again/+');
      await publisher.publish('again/a', `at ${qos}`, { qos: 2 });
      expect(await subscriber.hear()).toMatchObject({ text: `at ${qos}`, qos });
    }

    expect(await texts()).toEqual([]);
  });

  clause('v3 MQTT-3.8.4-3', 'named twice in one packet counts as asked for last', async () => {
    expect(await subscriber.subscribe(2, 'twice', 'once')).toEqual([2, 2]);
    const subscriptions = [
      { topic: 'twice', qos: 2 },
      { topic: 'twice', qos: 0 },
    ] as const;
    subscriber.send({ cmd: 'subscribe', messageId: 9, subscriptions: [...subscriptions] });
    expect((await subscriber.next('suback')).granted).toEqual([2, 0]);
    await publisher.publish('twice', 'hello', { qos: 2 });

    expect(await broker.heardBy(subscriber)).toMatchObject([{ text: 'hello', qos: 0 }]);
  });

  clause('v3 MQTT-3.8.4-4', 'may be one of 60 in a packet, and each of them hears', async () => {
    const filters = Array.from({ length: 60 }, (_, index) => `many/${index}`);
    expect(await subscriber.subscribe(1, ...filters)).toEqual(filters.map(() => 1));
    publisher.send(...filters.map((topic) => ({ ...message, topic })));
    await publisher.ping();

    expect(await broker.heardBy(subscriber)).toHaveLength(60);
    await subscriber.unsubscribe(...filters);
    publisher.send(...filters.map((topic) => ({ ...message, topic })));
    await publisher.ping();
    expect(await texts()).toEqual([]);
  });

  clause(['v3 MQTT-3.10.4-4', 'v3 MQTT-2.3.1-7'], 'ends with UNSUBACK under the packet id of UNSUBSCRIBE', async () => {
    await subscriber.subscribe(1, 'ending/+');
    subscriber.send({ cmd: 'unsubscribe', messageId: 4711, unsubscriptions: ['ending/+'] });
    expect(await subscriber.next('unsuback')).toMatchObject({ messageId: 4711 });
    await publisher.publish('ending/a', 'too late');

    expect(await texts()).toEqual([]);
  });

  clause('v3 MQTT-3.10.4-1', 'does not end by a filter that only matches the same topics', async () => {
    await subscriber.subscribe(0, 'exact/a');
    await subscriber.unsubscribe('exact/+', 'exact/#', '#');
    await publisher.publish('exact/a', 'hello');

    expect(await texts()).toEqual(['hello']);
  });

  clause('v3 MQTT-3.10.4-5', 'nobody has is unsubscribed from with UNSUBACK all the same', async () => {
    subscriber.send({ cmd: 'unsubscribe', messageId: 4712, unsubscriptions: ['never/had', 'nor/+/this/#'] });

    expect(await subscriber.next('unsuback')).toMatchObject({ messageId: 4712 });
  });

  clause('v3 MQTT-3.10.4-6', 'ends with all others that are named in one UNSUBSCRIBE', async () => {
    await subscriber.subscribe(0, 'one', 'two', 'three');
    await subscriber.unsubscribe('one', 'three');
    for (const topic of ['one', 'two', 'three']) await publisher.publish(topic, topic);

    expect(await texts()).toEqual(['two']);
  });

  clause('v3 MQTT-3.8.1-1', 'asked for with a wrong fixed header ends the connection', async () => {
    subscriber.sendBytes(hex('80 06 0001 0001 61 00'));
    await subscriber.closed();

    expect(subscriber.rest()).toEqual([]);
  });
});

const message = { cmd: 'publish', payload: 'x', qos: 0, dup: false, retain: false } as const;
