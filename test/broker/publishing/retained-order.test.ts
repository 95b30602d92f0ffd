/*
 * Proved elsewhere: the model in docs/model tries every interleaving; without contention: retained.test.ts; what it costs:
 * test/budgets.test.ts.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Packet, QoS } from 'mqtt-packet';
import type { CallFault } from '../../../local/fault-rules';
import { apiOf } from '../../api/support';
import { TestBroker } from '../../support/test-broker';
import { publishPacket, type TextClient } from '../../support/text-client';

const everyQos = [0, 1, 2] as const;
const payloads = ['new', ''] as const;

/** Holds calls of the functions that handle packets until they are released. */
type Call = Pick<CallFault, 'operation' | 'table' | 'when' | 'skip' | 'function'>;

let broker: TestBroker;
let publisher: TextClient;

beforeEach(async () => {
  broker = await TestBroker.start({ containers: 4, visibilitySeconds: 0.2 });
  publisher = await broker.connect('publisher');
});

afterEach(async () => {
  await broker.cloud.faults.clear();
  await broker.stop();
});

/** Holds the first such call from now on. */
async function hold(call: Call) {
  const fault: CallFault = { fault: 'call', outcome: 'hold', times: 1, ...call };
  await broker.cloud.faults.set(fault);
  return {
    async reached(): Promise<void> {
      while (broker.cloud.faults.struck(fault) === 0) await sleep(2);
    },
    lift: () => broker.cloud.faults.lift(fault),
  };
}

/** Sends a retained message; the result resolves when the broker owns it. */
function publish(client: TextClient, topic: string, payload: string, qos: QoS): Promise<void> {
  return client.publish(topic, payload, { qos, retain: true });
}

/** Collects the payloads that a client receives, in order, and acknowledges each message. */
async function received(client: TextClient): Promise<string[]> {
  const texts: string[] = [];
  for (;;) {
    await broker.cloud.settled();
    const messages = await broker.heardBy(client);
    if (messages.length === 0) return texts;
    texts.push(...messages.map(({ text }) => text));
  }
}

/** Returns the retained payload that a new subscriber gets; undefined if nothing is retained. */
async function kept(topic: string): Promise<string> {
  const visitor = await broker.connect(`visitor of ${topic}`);
  await visitor.subscribe(0, topic);
  return (await broker.heardBy(visitor))[0]?.text ?? '';
}

describe('a retained message that is published while a client subscribes', () => {
  it.each(everyQos)(
    '[MQTT-4.5.0-1] [v3 MQTT-4.5.0-1] is not missed at QoS %i, although it is stored after the client has read the retained messages',
    async (qos) => {
      const subscriber = await broker.connect('subscriber');
      const stored = await hold({ table: 'retained' });
      const published = publish(publisher, 'a/b', 'new', qos);
      await stored.reached();

      await subscriber.subscribe(qos, 'a/+');
      await stored.lift();
      await published;

      expect(await received(subscriber)).toEqual(['new']);
    },
  );

  it('is not missed if it is a will', async () => {
    const subscriber = await broker.connect('subscriber');
    const dying = await broker.connect('dying', {
      will: { topic: 'a/b', payload: Buffer.from('gone'), qos: 1, retain: true },
    });
    const stored = await hold({ table: 'retained' });
    const lost = broker.lose(dying);
    await stored.reached();

    await subscriber.subscribe(1, 'a/b');
    await stored.lift();
    await lost;

    expect(await received(subscriber)).toEqual(['gone']);
  });

  it('is not missed if a backend publishes it', async () => {
    const subscriber = await broker.connect('subscriber');
    const stored = await hold({ table: 'retained' });
    const published = apiOf(broker.cloud).publish({ topic: 'a/b', payload: 'new', qos: 1, retain: true });
    await stored.reached();

    await subscriber.subscribe(1, 'a/b');
    await stored.lift();
    await published;

    expect(await received(subscriber)).toEqual(['new']);
  });

  describe.each([1, 2] as const)('at QoS %i', (qos) => {
    it.each(payloads)('[MQTT-3.3.1-9] as "%s" replaces an older message that has no number yet', async (payload) => {
      await publish(publisher, 'a/b', 'old', qos);
      const subscriber = await broker.connect('subscriber');
      const reserved = await hold({ operation: 'UpdateItem', table: 'sessions' });
      const subscribed = subscriber.subscribe(qos, 'a/+');
      await reserved.reached();

      await publish(publisher, 'a/b', payload, qos);
      await reserved.lift();
      await subscribed;

      expect(await received(subscriber)).toEqual([payload]);
    });

    it.each(payloads)('as "%s" waits behind an older message that has a number', async (payload) => {
      await publish(publisher, 'a/b', 'old', qos);
      const subscriber = await broker.connect('subscriber');
      const put = await hold({ operation: 'BatchWriteItem', table: 'inflight' });
      const subscribed = subscriber.subscribe(qos, 'a/b');
      await put.reached();

      await publish(publisher, 'a/b', payload, qos);
      await put.lift();
      await subscribed;

      expect(await received(subscriber)).toEqual(['old', payload]);
    });
  });

  it.each(payloads)('as "%s" at QoS 0 is sent again behind an older message', async (payload) => {
    await publish(publisher, 'a/b', 'old', 1);
    const subscriber = await broker.connect('subscriber');
    const read = await hold({ operation: 'GetItem', table: 'retained', when: 'after' });
    const subscribed = subscriber.subscribe(0, 'a/b');
    await read.reached();

    await publish(publisher, 'a/b', payload, 1);
    await read.lift();
    await subscribed;

    expect(await received(subscriber)).toEqual([payload, 'old', payload]);
  });

  it('at QoS 0 is sent again behind an older message of QoS 1, because it does not wait', async () => {
    await publish(publisher, 'a/b', 'old', 1);
    const subscriber = await broker.connect('subscriber');
    const put = await hold({ operation: 'BatchWriteItem', table: 'inflight' });
    const subscribed = subscriber.subscribe(1, 'a/b');
    await put.reached();

    await publish(publisher, 'a/b', 'new', 0);
    await put.lift();
    await subscribed;

    expect(await received(subscriber)).toEqual(['new', 'old', 'new']);
  });

  it('again and again is corrected a few times, which is logged', async () => {
    await publish(publisher, 'a/b', '0', 1);
    const subscriber = await broker.connect('subscriber');
    let read = await hold({ operation: 'GetItem', table: 'retained', skip: 1 });
    const subscribed = subscriber.subscribe(0, 'a/b');
    for (let count = 1; count <= 3; count++) {
      await read.reached();
      await publish(publisher, 'a/b', `${count}`, 1);
      const next = await hold({ operation: 'GetItem', table: 'retained' });
      await read.lift();
      read = next;
    }
    await read.lift();
    await subscribed;

    expect(await received(subscriber)).toEqual(['0', '1', '1', '2', '2', '3', '3']);
    expect(broker.logged('retained messages keep changing')).toHaveLength(1);
  });

  it('is sent once at QoS 2, although it is found both as retained and by its route', async () => {
    const subscriber = await broker.connect('subscriber');
    const routes = await hold({ operation: 'BatchGetItem', table: 'retained' });
    const published = publish(publisher, 'a/b', 'new', 2);
    await routes.reached(); // the message is stored
    const reads = await hold({ operation: 'GetItem', table: 'connections', skip: 1 });
    const subscribed = subscriber.subscribe(2, 'a/b');
    await Promise.race([reads.reached(), subscribed]); // it has found the message and its writer

    await routes.lift();
    await published;
    await publisher.ping(); // then its turn is committed
    await reads.lift();
    await subscribed;

    expect(await received(subscriber)).toEqual(['new']);
  });

  it('by the same client in the same frame is sent once at QoS 2, without a wait', async () => {
    publisher.send(publishPacket('a/b', 'new', { qos: 2, messageId: 7, retain: true }));
    await publisher.next('pubrec');
    publisher.send(
      { cmd: 'pubrel', messageId: 7 },
      { cmd: 'subscribe', messageId: 8, subscriptions: [{ topic: 'a/b', qos: 2 }] },
    );
    await publisher.next('suback');

    expect(await received(publisher)).toEqual(['new']);
    expect(broker.logged('retained write wait timed out')).toEqual([]);
  });
});

describe('two retained messages that are published at the same time', () => {
  let other: TextClient;
  let subscriber: TextClient;

  beforeEach(async () => {
    other = await broker.connect('other');
    subscriber = await broker.connect('subscriber');
  });

  it.each(
    everyQos.flatMap((qos) => [[qos, 'one', 'two'] as const, [qos, '', 'two'] as const, [qos, 'one', ''] as const]),
  )('at QoS %i, "%s" before "%s", arrive in the order in which they are stored', async (qos, first, second) => {
    await subscriber.subscribe(qos, 'a/b');
    await publish(publisher, 'a/b', 'before', 1);
    await received(subscriber);
    const leaves = await hold({ operation: first ? 'GetItem' : 'DeleteItem', table: 'retained' });
    const publishedFirst = publish(publisher, 'a/b', first, qos);
    await leaves.reached();
    const reads = await hold({ operation: 'GetItem', table: 'connections', skip: 1 });
    const publishedSecond = publish(other, 'a/b', second, qos);
    await Promise.race([reads.reached(), publishedSecond]); // the second waits for the first

    await leaves.lift();
    await publishedFirst;
    await publisher.ping(); // then its turn is committed
    await reads.lift();
    await publishedSecond;

    expect(await received(subscriber)).toEqual([first, second]);
    expect(await kept('a/b')).toBe(second);
  });

  it('arrive in that order too if a backend publishes the first', async () => {
    await subscriber.subscribe(1, 'a/b');
    const leaves = await hold({ operation: 'BatchGetItem', table: 'retained', function: 'onApi' });
    const first = apiOf(broker.cloud).publish({ topic: 'a/b', payload: 'one', qos: 1, retain: true });
    await leaves.reached();
    const reads = await hold({ operation: 'GetItem', table: 'retained', function: 'onPackets' });
    const second = publish(publisher, 'a/b', 'two', 1);
    await Promise.race([reads.reached(), second]); // the second waits for the first

    await leaves.lift();
    await first;
    await reads.lift();
    await second;

    expect(await received(subscriber)).toEqual(['one', 'two']);
    expect(await kept('a/b')).toBe('two');
  });

  it('both arrive if the first comes with the CONNECT of its client', async () => {
    await subscriber.subscribe(1, 'a/b');
    const visitor = await broker.open();
    const leaves = await hold({ operation: 'BatchGetItem', table: 'retained', when: 'after' });
    visitor.send(
      { cmd: 'connect', clientId: 'visitor', clean: true, keepalive: 60 } as Packet,
      publishPacket('a/b', 'one', { qos: 1, messageId: 1, retain: true }),
    );
    await leaves.reached();
    const reads = await hold({ operation: 'GetItem', table: 'retained' });
    const second = publish(publisher, 'a/b', 'two', 1);
    await Promise.race([reads.reached(), second]); // the second waits for the first

    await leaves.lift();
    await visitor.next('puback');
    await reads.lift();
    await second;

    expect(await received(subscriber)).toEqual(['one', 'two']);
    expect(await kept('a/b')).toBe('two');
  });

  it('wait for a bounded time: the second is acknowledged although the writer of the first died', async () => {
    await subscriber.subscribe(1, 'a/b');
    await broker.cloud.faults.set({
      fault: 'call',
      operation: 'GetItem',
      table: 'retained',
      outcome: 'kill',
      times: 1,
    });
    const first = publish(publisher, 'a/b', 'one', 1);
    await broker.struck();

    await publish(other, 'a/b', 'two', 1);
    await first; // repeated

    expect((await received(subscriber)).at(-1)).toBe(await kept('a/b'));
  });

  it('leave nothing if the last one removes the retained message', async () => {
    await Promise.all([publish(publisher, 'a/b', 'one', 1), publish(other, 'a/b', 'two', 1)]);
    await publish(publisher, 'a/b', '', 1);
    await broker.cloud.settled();
    await broker.cloud.resetBill();

    await subscriber.subscribe(1, '+/b');
    await broker.cloud.settled();

    const { retained } = (await broker.cloud.bill()).dynamodb.tables;
    expect(retained).toEqual({ Query: expect.objectContaining({ calls: 1 }) });
  });
});
