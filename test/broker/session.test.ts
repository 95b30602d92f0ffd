/*
 * Proved elsewhere:
 *   connect.test.ts: client ids [v3 MQTT-3.1.3-2] to [v3 MQTT-3.1.3-8]; takeover.test.ts: two connections at once
 *   qos.test.ts: what is sent again [v3 MQTT-4.4.0-1]
 *   retained.test.ts: [v3 MQTT-3.1.2-7] retained messages are no part of a session
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { clause } from '../support/clause';
import { TestBroker } from '../support/test-broker';
import { publishPacket, type TextClient } from '../support/text-client';

describe('a session', () => {
  let broker: TestBroker;
  let publisher: TextClient;

  beforeAll(async () => {
    broker = await TestBroker.start({ settings: { queueLimit: 5 } });
    publisher = await broker.connect('publisher');
  });

  afterAll(() => broker.stop());

  const combinations = [
    { before: undefined, now: true, present: false },
    { before: undefined, now: false, present: false },
    { before: true, now: true, present: false },
    { before: true, now: false, present: false },
    { before: false, now: true, present: false },
    { before: false, now: false, present: true },
  ];
  for (const { before, now, present } of combinations) {
    const past = before === undefined ? 'nothing' : before ? 'a clean session' : 'a kept session';
    const id = present ? 'v3 MQTT-3.2.2-2' : now ? 'v3 MQTT-3.2.2-1' : 'v3 MQTT-3.2.2-3';
    clause(
      [id, 'v3 MQTT-3.1.4-3'],
      `is ${present ? '' : 'not '}present after ${past} for CONNECT with clean ${Number(now)}`,
      async () => {
        const clientId = `${past} then ${now}`;
        if (before !== undefined) await (await broker.connect(clientId, { clean: before })).disconnect();
        const client = await broker.connect(clientId, { clean: now });

        expect(client.connack).toMatchObject({ returnCode: 0, sessionPresent: present });
      },
    );
  }

  clause('v3 MQTT-3.1.2-4', 'keeps its subscriptions and what was published meanwhile at QoS 1 and 2', async () => {
    const before = await broker.resume('keeper');
    await before.subscribe(2, 'kept/#');
    await before.disconnect();
    for (const qos of [0, 1, 2] as const) await publisher.publish('kept/a', `offline at ${qos}`, { qos });
    const after = await broker.resume('keeper');
    await after.ping(); // until everything that waited was sent, what is QoS 0 may be dropped
    await publisher.publish('kept/a', 'online');

    expect(await after.hear()).toMatchObject({ text: 'offline at 1', qos: 1, dup: false });
    expect(await after.hear()).toMatchObject({ text: 'offline at 2', qos: 2, dup: false });
    expect(await after.hear()).toMatchObject({ text: 'online', qos: 0 });
    expect(await broker.heardBy(after)).toEqual([]);
  });

  clause(['v3 MQTT-3.1.2-5', 'v3 MQTT-4.1.0-1'], 'outlives a socket that is lost without DISCONNECT', async () => {
    const before = await broker.resume('unlucky');
    await before.subscribe(1, 'unlucky');
    await broker.lose(before);
    await publisher.publish('unlucky', 'hello', { qos: 1 });
    const after = await broker.resume('unlucky');

    expect(after.connack).toMatchObject({ sessionPresent: true });
    expect(await after.hear()).toMatchObject({ text: 'hello' });
  });

  clause('v3 MQTT-3.1.2-6', 'ends when its client connects clean: nothing is sent to it any more', async () => {
    const before = await broker.resume('forgetful');
    await before.subscribe(1, 'forgotten/#');
    await before.disconnect();
    await publisher.publish('forgotten/a', 'offline', { qos: 1 });
    const clean = await broker.connect('forgetful');
    await publisher.publish('forgotten/a', 'while clean', { qos: 1 });
    expect(await broker.heardBy(clean)).toEqual([]);
    await clean.disconnect();
    await publisher.publish('forgotten/a', 'after clean', { qos: 1 });
    const after = await broker.resume('forgetful');
    await publisher.publish('forgotten/a', 'now');

    expect(after.connack).toMatchObject({ sessionPresent: false });
    expect(await broker.heardBy(after)).toEqual([]);
  });

  clause('v3 MQTT-3.1.2-6', 'of a clean connection ends with it', async () => {
    const clean = await broker.connect('guest');
    await clean.subscribe(2, 'guest');
    await broker.lose(clean);
    await publisher.publish('guest', 'hello', { qos: 2 });
    const after = await broker.resume('guest');
    await publisher.publish('guest', 'hello', { qos: 2 });

    expect(after.connack).toMatchObject({ sessionPresent: false });
    expect(await broker.heardBy(after)).toEqual([]);
  });

  const endings: [ending: string, clean: boolean, end: (client: TextClient) => Promise<void>][] = [
    ['its clean connection is lost', true, (client) => broker.lose(client)],
    ['its clean connection says DISCONNECT', true, (client) => client.disconnect()],
    ['its clean connection is taken over', true, async () => (await broker.connect('tidy')).disconnect()],
    ['a clean one takes its place', false, async () => (await broker.connect('tidy')).disconnect()],
  ];
  for (const [ending, clean, end] of endings) {
    clause('v3 MQTT-3.1.2-6', `leaves no row in any table when ${ending}`, async () => {
      const rows = await broker.rows();
      const client = await broker.connect('tidy', { clean });
      await client.subscribe(2, 'tidy/#', 'tidy/+/b');
      await publisher.publish('tidy/a', 'unacknowledged', { qos: 2 });
      client.send(publishPacket('tidy/held', 'x', { qos: 2, messageId: 9 }));
      await client.next('pubrec');
      await end(client);

      expect(await broker.rows()).toEqual(rows);
    });
  }

  // QoS 0 is let go until the pump has answered, so it may be lost for as long as the backlog takes.
  it('hears QoS 0 from the moment its CONNACK has arrived, while it still catches up', async () => {
    const before = await broker.resume('impatient');
    await before.subscribe(1, 'impatient');
    await before.disconnect();
    await publisher.publish('impatient', 'waited', { qos: 1 });
    await broker.cloud.faults.set({
      fault: 'call',
      operation: 'Query',
      table: 'inflight',
      outcome: 'throttle',
      times: 2,
    });
    const after = await broker.resume('impatient');
    await broker.struck();
    await publisher.publish('impatient', 'now');
    await broker.cloud.faults.clear();

    expect((await broker.heardBy(after)).map(({ text }) => text).sort()).toEqual(['now', 'waited']);
  });

  clause('v3 MQTT-4.6.0-6', 'hands over its offline messages in the order of their publishing', async () => {
    const before = await broker.resume('orderly');
    await before.subscribe(2, 'order/#');
    await before.disconnect();
    for (let count = 1; count <= 5; count++) {
      await publisher.publish('order/a', String(count), { qos: count % 2 === 0 ? 1 : 2 });
    }
    const after = await broker.resume('orderly');
    const order: string[] = [];
    for (let count = 1; count <= 5; count++) order.push((await after.hear()).text);

    expect(order).toEqual(['1', '2', '3', '4', '5']);
  });

  it('keeps no more than its queue limit: the newest are dropped, and the log counts them', async () => {
    const before = await broker.resume('full');
    await before.subscribe(1, 'full');
    await before.disconnect();
    for (let count = 1; count <= 8; count++) await publisher.publish('full', String(count), { qos: 1 });
    const after = await broker.resume('full');

    expect((await broker.heardBy(after)).map(({ text }) => text)).toEqual(['1', '2', '3', '4', '5']);
    const dropped = broker.logged('queue full').filter(({ clientId }) => clientId === 'full');
    expect(dropped.reduce((sum, line) => sum + Number(line.dropped), 0)).toBe(3);
  });

  it('takes new messages as soon as acknowledgements have made room', async () => {
    const client = await broker.resume('busy');
    await client.subscribe(1, 'busy');
    for (let count = 1; count <= 12; count++) {
      await publisher.publish('busy', String(count), { qos: 1 });
      expect(await client.hear()).toMatchObject({ text: String(count) });
      await client.ping();
    }

    expect(broker.logged('queue full').filter(({ clientId }) => clientId === 'busy')).toEqual([]);
  });

  clause('v3 MQTT-3.10.4-2', 'hears nothing more of what it unsubscribed from while others publish', async () => {
    const client = await broker.resume('leaving');
    await client.subscribe(1, 'stream/a', 'stream/b');
    const flood = Promise.all(Array.from({ length: 10 }, (_, count) => publisher.publish('stream/a', String(count))));
    await client.unsubscribe('stream/a');
    await flood;
    await broker.heardBy(client);
    await publisher.publish('stream/a', 'too late');
    await publisher.publish('stream/b', 'still wanted');

    expect((await broker.heardBy(client)).map(({ text }) => text)).toEqual(['still wanted']);
  });

  clause('v3 MQTT-3.10.4-2', 'does not hear after its next connection what it unsubscribed from', async () => {
    const before = await broker.resume('decided');
    await before.subscribe(1, 'decided/a', 'decided/b');
    await before.unsubscribe('decided/a');
    await before.disconnect();
    for (const topic of ['decided/a', 'decided/b']) await publisher.publish(topic, topic, { qos: 1 });
    const after = await broker.resume('decided');

    expect((await broker.heardBy(after)).map(({ text }) => text)).toEqual(['decided/b']);
  });

  clause('v3 MQTT-3.10.4-3', 'still completes what was under way when it unsubscribed', async () => {
    const client = await broker.resume('polite');
    await client.subscribe(2, 'polite');
    await publisher.publish('polite', 'under way', { qos: 2 });
    const message = await client.next('publish');
    await client.unsubscribe('polite');
    await client.acknowledge(message);
    await client.disconnect();
    const after = await broker.resume('polite');

    expect(await broker.heardBy(after)).toEqual([]);
  });
});
