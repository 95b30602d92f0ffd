/*
 * Proved elsewhere: messages to a single subscriber: qos.test.ts, subscribe.test.ts.
 * Not proved here: a fan-out function that dies in the middle of a shard.
 */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Packet, QoS } from 'mqtt-packet';
import { clause } from '../support/clause';
import { TestBroker } from '../support/test-broker';
import { publishPacket, type TextClient } from '../support/text-client';

describe('a message with many recipients', () => {
  let broker: TestBroker;
  let publisher: TextClient;
  let audience: TextClient[];
  const size = 150;

  beforeAll(async () => {
    broker = await TestBroker.start({ settings: { inlineRecipients: 15, connectTimeout: 300 } }); // all connect at once
    publisher = await broker.connect('publisher', { keepalive: 0 });
    audience = await Promise.all(Array.from({ length: size }, (_, index) => listener(index)));
  });

  afterAll(() => broker.stop());

  async function listener(index: number): Promise<TextClient> {
    const will = { topic: 'will', payload: Buffer.from(`listener ${index}`), qos: 1, retain: false } as const;
    const client = await broker.open();
    client.send(
      { cmd: 'connect', clientId: `listener ${index}`, clean: index % 2 === 0, keepalive: 0, will } as Packet,
      { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'news/#', qos: (index % 3) as QoS }] },
    );
    await client.next('suback'); // the last one
    return client;
  }

  clause('v3 MQTT-3.8.4-6', 'reaches each at the QoS granted to it', async () => {
    await publisher.publish('news/a', 'hello', { qos: 2 });
    for (const [index, client] of audience.entries()) {
      expect(await client.hear()).toMatchObject({ text: 'hello', qos: index % 3, retain: false });
    }
    await broker.cloud.settled();

    expect((await broker.cloud.bill()).lambda.functions.onFanOut.invocations).toBeGreaterThan(0);
    expect(audience.flatMap((client) => client.rest()).filter(({ cmd }) => cmd !== 'connack')).toEqual([]);
  });

  clause('v3 MQTT-4.6.0-5', 'reaches each in the order of its publisher', async () => {
    for (let count = 0; count < 12; count++) {
      publisher.send(publishPacket('news/a', String(count), { qos: 1, messageId: 100 + count }));
    }
    const expected = Array.from({ length: 12 }, (_, count) => String(count));
    for (const [index, client] of audience.entries()) {
      const order: string[] = [];
      for (const _ of expected) order.push((await client.hear()).text);
      expect({ index, order }).toEqual({ index, order: expected });
    }
    await publisher.ping();
  });

  it('is not disturbed by a recipient that is gone and whose session ends', async () => {
    const watcher = await broker.connect('watcher', { keepalive: 0 });
    await watcher.subscribe(1, 'will');
    const [gone, ...others] = audience as [TextClient, ...TextClient[]];
    await broker.cloud.faults.set({ fault: 'lose-disconnect', times: 1 });
    await broker.lose(gone);
    expect(await broker.heardBy(watcher)).toEqual([]);
    await publisher.publish('news/a', 'who is here?', { qos: 1 });
    for (const client of others) expect(await client.hear()).toMatchObject({ text: 'who is here?' });

    expect(await watcher.hear()).toMatchObject({ topic: 'will', text: 'listener 0' });
    expect((await broker.rows()).filter((row) => row.endsWith(' listener 0'))).toEqual([]);
    expect(broker.logged('fan-out failed')).toEqual([]);
  });

  describe('all in one shard', () => {
    const longest = `long/${'t'.repeat(60_000)}`;
    let readers: TextClient[];

    beforeAll(async () => {
      readers = await Promise.all(
        ofOneShard(18).map(async (clientId) => {
          const reader = await broker.connect(clientId, { keepalive: 0 });
          await reader.subscribe(1, longest, 'burst');
          return reader;
        }),
      );
    });

    it('may have a topic of the maximum length', async () => {
      await publisher.publish(longest, 'x'.repeat(10_000), { qos: 1 });

      for (const reader of readers) expect((await reader.hear()).topic).toBe(longest);
      expect(broker.logged('turn failed')).toEqual([]);
    });

    it('may be one of thousands of small messages at the same time', async () => {
      const burst = Array.from({ length: 9000 }, () => publishPacket('burst', 'x'));
      publisher.send(...burst);

      for (const _ of burst) await readers[0]?.next('publish');
      expect(broker.logged('turn failed')).toEqual([]);
    });
  });
});

/** Client ids in the same shard of the fan-out. */
function ofOneShard(count: number): string[] {
  const shardOf = (clientId: string) => (createHash('sha256').update(clientId).digest()[0] ?? 0) % 16;
  return Array.from({ length: 2000 }, (_, index) => `reader ${index}`)
    .filter((clientId) => shardOf(clientId) === 0)
    .slice(0, count);
}
