/*
 * Retained messages beyond what one turn sends. Proved elsewhere: what a page holds: test/storage/retained-levels.test.ts; that nobody
 * else waits for them: test/hostile/retained.test.ts.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { inParallel } from '../../../lambdas/shared/parallel';
import { DynamoRetainedStore } from '../../../lambdas/storage/retained-store';
import type { CallFault } from '../../../local/fault-rules';
import { tablePrefix } from '../../../local/lambda/environment';
import { message } from '../../storage/support/messages';
import { retain } from '../../storage/support/retained';
import { Broker5 } from '../../support/broker5';
import { clause } from '../../support/clause';
import { type Client5, type Heard5, heard5 } from '../../support/client5';

/** More than two turns send. */
const topics = Array.from({ length: 520 }, (_, index) => `many/${index}`);

/** The call that leaves the rest to another turn, of which there is one a turn. */
const leavesTheRest: CallFault = {
  ...{ fault: 'call', outcome: 'hold', function: 'onPackets' },
  ...{ operation: 'SendMessage', queue: 'packets', times: 1 },
};

/** Stores the messages as if they had been published long ago. */
async function fill({ cloud }: Broker5): Promise<void> {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const db = new DynamoDBClient({ endpoint: cloud.endpoints.dynamodb, region: 'us-east-1', credentials });
  const store = new DynamoRetainedStore(db, `${tablePrefix}retained`, { now: () => 0 });
  await inParallel(topics, 25, (topic) => retain(store, message(topic, 'kept', { qos: 2, retain: true })));
  db.destroy();
}

describe('retained messages that one turn cannot send', () => {
  let broker: Broker5;
  let publisher: Client5;
  let clients = 0;
  let name = '';

  beforeAll(async () => {
    broker = await Broker5.start({ visibilitySeconds: 0.2 });
    await fill(broker);
    publisher = await broker.connect('publisher', { keepalive: 540 });
  }, 60_000);

  beforeEach(() => {
    name = `subscriber ${++clients}`;
  });

  afterEach(async () => {
    await broker.cloud.faults.clear();
    await broker.cloud.settled();
  });

  afterAll(() => broker.stop());

  /** Hears and acknowledges messages until there are so many different ones. One that is sent again with DUP counts once. */
  async function hearAll(client: Client5, wanted: number, heard: Heard5[] = []): Promise<Heard5[]> {
    const topicsOf = (messages: readonly Heard5[]) => new Set(messages.map(({ topic }) => topic));
    while (topicsOf(heard).size < wanted) {
      const packet = await client.next('publish');
      if (!packet.dup || !topicsOf(heard).has(packet.topic)) heard.push(heard5(packet));
      await client.acknowledge(packet);
    }
    return heard;
  }

  for (const qos of [0, 1, 2] as const) {
    it(`come all at QoS ${qos}, each once, in several turns`, async () => {
      const subscriber = await broker.connect(name);
      await broker.cloud.resetBill();
      await subscriber.subscribe({ topic: 'many/+', qos });
      const heard = await hearAll(subscriber, topics.length);
      expect(await broker.heardBy(subscriber)).toEqual([]);

      expect(heard.map(({ topic }) => topic).sort()).toEqual([...topics].sort());
      expect(heard.every((message) => message.retain && message.qos === qos)).toBe(true);
      expect((await broker.cloud.bill()).lambda.functions.onPackets.invocations).toBeGreaterThan(2);
    });
  }

  it('let other packets of the connection pass', async () => {
    const subscriber = await broker.connect(name);
    await broker.cloud.faults.set(leavesTheRest);
    await subscriber.subscribe({ topic: 'many/+', qos: 0 });
    while (broker.cloud.faults.struck(leavesTheRest) === 0) await sleep(2);
    subscriber.send({ cmd: 'pingreq' });
    await broker.cloud.faults.clear();
    await subscriber.next('pingresp');
    const before = subscriber.rest().length;
    const heard = await hearAll(subscriber, topics.length - before);

    expect(before).toBeLessThan(topics.length);
    expect(before + heard.length).toBe(topics.length);
  });

  clause('MQTT-3.10.4-2', 'stop when their subscription is removed', async () => {
    const subscriber = await broker.connect(name);
    await broker.cloud.faults.set(leavesTheRest);
    await subscriber.subscribe({ topic: 'many/+', qos: 1 });
    while (broker.cloud.faults.struck(leavesTheRest) === 0) await sleep(2);
    subscriber.send({ cmd: 'unsubscribe', messageId: 9, unsubscriptions: ['many/+'] });
    await broker.cloud.faults.clear();
    await subscriber.next('unsuback');
    const heard = await broker.heardBy(subscriber);

    expect(heard.length).toBeLessThan(topics.length);
  });

  it.each([1, 2] as const)('wait at QoS %i for a client that is away', async (qos) => {
    const subscriber = await broker.resume(name);
    await broker.cloud.faults.set(leavesTheRest);
    await subscriber.subscribe({ topic: 'many/+', qos });
    while (broker.cloud.faults.struck(leavesTheRest) === 0) await sleep(2);
    const lost = broker.lose(subscriber);
    await broker.cloud.faults.clear();
    await lost;
    const again = await broker.resume(name);
    await hearAll(again, topics.length);

    expect(again.connack?.sessionPresent).toBe(true);
  });

  it.each([1, 2] as const)('come at QoS %i to the connection that takes the session over', async (qos) => {
    const subscriber = await broker.resume(name);
    await broker.cloud.faults.set(leavesTheRest);
    await subscriber.subscribe({ topic: 'many/+', qos });
    while (broker.cloud.faults.struck(leavesTheRest) === 0) await sleep(2);
    const taking = broker.resume(name);
    await broker.cloud.faults.clear();
    const heard = await hearAll(await taking, topics.length);

    if (qos === 2) expect(heard).toHaveLength(topics.length);
  });

  it.each([
    ['before', 1],
    ['after', 1],
    ['before', 2],
    ['after', 2],
  ] as const)('come all when a worker dies %s it leaves the rest, at QoS %i', async (when, qos) => {
    const subscriber = await broker.resume(name);
    await broker.cloud.faults.set({ ...leavesTheRest, outcome: 'kill', when, times: 2 });
    await subscriber.subscribe({ topic: 'many/+', qos });
    const heard: Heard5[] = [];
    await hearAll(subscriber, topics.length, heard).catch(async () => {
      await hearAll(await broker.resume(name), topics.length, heard); // closed, because nobody knew what it had seen
    });

    if (qos === 2) expect(heard).toHaveLength(topics.length);
  });

  it.each([0, 1, 2] as const)('are followed at QoS %i by what replaces them meanwhile', async (qos) => {
    const subscriber = await broker.connect(name);
    await broker.cloud.faults.set(leavesTheRest);
    await subscriber.subscribe({ topic: 'many/+', qos });
    while (broker.cloud.faults.struck(leavesTheRest) === 0) await sleep(2);
    await publisher.publish('many/0', 'new', { qos, retain: true });
    await publisher.publish('many/519', 'new', { qos, retain: true });
    await broker.cloud.faults.clear();
    const heard = await hearAll(subscriber, topics.length);
    heard.push(...(await broker.heardBy(subscriber)));
    const last = new Map(heard.map(({ topic, text }) => [topic, text]));

    expect([last.get('many/0'), last.get('many/519')]).toEqual(['new', 'new']);
    const of519 = heard.filter(({ topic, text }) => topic === 'many/519' && text === 'new');
    if (qos === 2) expect(of519).toHaveLength(1);
  });
});
