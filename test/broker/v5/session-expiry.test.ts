/*
 * Proved elsewhere: a session expiry changed by DISCONNECT: disconnect.test.ts; the will at the end of a session: wills.test.ts; what a
 *   member of a share leaves behind: shared-subscriptions.test.ts.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Broker5, forever } from '../../support/broker5';
import { clause } from '../../support/clause';
import { type Client5, connectPacket } from '../../support/client5';

const second = 1000;
const day = 86_400;

describe('a session', () => {
  let broker: Broker5;
  let clientId = '';
  let count = 0;

  beforeAll(async () => {
    broker = await Broker5.start({ settings: { maxSessionExpiry: 0 } });
    broker.cloud.clock.hold();
  });

  beforeEach(() => {
    count += 1;
    clientId = `sleeper ${count}`;
  });

  afterAll(() => broker.stop());

  async function sleeper(sessionExpiry: number): Promise<Client5> {
    const client = await broker.resume(clientId, sessionExpiry);
    await client.subscribe(`to/${clientId}`);
    return client;
  }

  async function isThere(): Promise<boolean | undefined> {
    return (await broker.resume(clientId)).connack?.sessionPresent;
  }

  async function publish(text: string): Promise<number> {
    const publisher = await broker.connect('publisher');
    const code = await publisher.publish(`to/${clientId}`, text, { qos: 1 });
    await broker.leave(publisher);
    return code;
  }

  for (const how of ['DISCONNECT', 'the loss of its connection']) {
    const end = (client: Client5) => (how === 'DISCONNECT' ? broker.leave(client) : broker.lose(client));

    clause(['MQTT-3.1.2-23', 'MQTT-4.1.0-2'], `is there until its expiry has passed after ${how}`, async () => {
      await end(await sleeper(60));
      broker.cloud.clock.jump(57 * second);
      expect(await isThere()).toBe(true);
    });

    clause('MQTT-4.1.0-2', `is not there when its expiry has passed after ${how}`, async () => {
      await end(await sleeper(60));
      broker.cloud.clock.jump(61 * second);

      expect(await isThere()).toBe(false);
    });
  }

  it('of a client that connects and disconnects in one frame lasts until its expiry, and then goes', async () => {
    const before = await broker.older.rows();
    const added = async () => (await broker.older.rows()).filter((row) => !before.includes(row));
    const client = await broker.open();
    const properties = { sessionExpiryInterval: 60 };
    client.send(connectPacket(clientId, { clean: false, properties }), { cmd: 'disconnect' });
    await client.line.closed();
    expect(await added()).not.toEqual([]);
    await broker.pass(65);

    expect(await added()).toEqual([]);
    expect(broker.older.logged('turn failed')).toEqual([]);
    expect(broker.older.logged('connected').filter((line) => line.clientId === clientId)).toHaveLength(1);
  });

  clause('MQTT-4.1.0-2', 'takes its messages and subscriptions along when it expires', async () => {
    await broker.leave(await sleeper(60));
    await publish('too late');
    broker.cloud.clock.jump(61 * second);
    const again = await broker.resume(clientId);
    await publish('nobody');

    expect(again.connack?.sessionPresent).toBe(false);
    expect(await broker.heardBy(again)).toEqual([]);
  });

  for (const expiry of [30, 600]) {
    clause(
      'MQTT-4.1.0-2',
      `of ${expiry} s is cleared away when it expires, whether or not its client returns`,
      async () => {
        const before = await broker.older.rows();
        const added = async () => (await broker.older.rows()).filter((row) => !before.includes(row));
        await broker.leave(await sleeper(expiry));
        expect(await publish('unheard')).toBe(0);
        expect(await added()).not.toEqual([]);
        await broker.pass(expiry + 5);

        expect(await added()).toEqual([]);
      },
    );
  }

  describe('leaves nothing behind of a message that is on its way into its ring', () => {
    /** Not `settled`: whoever puts the message is not done before the session has ended. */
    async function told(what: () => number, work: () => Promise<unknown> | unknown): Promise<void> {
      const before = what();
      await work();
      while (what() === before) await sleep(2);
    }

    const departures = () => broker.older.logged('disconnected').length;
    const expiries = () =>
      broker.older.metricLines().filter(({ text }) => text.includes('SessionExpiryLateness')).length;
    const ends: Record<string, (client: Client5) => Promise<unknown>> = {
      'its client takes it along': (client) =>
        told(departures, () => client.disconnect(0, { sessionExpiryInterval: 0 })),
      'its time is over': async (client) => {
        await told(departures, () => client.disconnect());
        await told(expiries, () => broker.cloud.clock.jump(61 * second));
      },
      'its client begins anew': () => broker.connect(clientId),
    };

    it.each(Object.keys(ends))('when %s', async (how) => {
      const before = await broker.older.rows();
      const client = await sleeper(60);
      const publisher = await broker.connect('publisher');
      for (const operation of ['PutItem', 'BatchWriteItem']) {
        await broker.cloud.faults.set({ fault: 'call', table: 'inflight', operation, outcome: 'hold' });
      }
      const published = publisher.publish(`to/${clientId}`, 'late', { qos: 1 });
      await broker.older.struck();
      await ends[how]!(client);
      await broker.cloud.faults.clear();
      await published;

      const left = (await broker.older.rows()).filter((row) => row.startsWith('inflight') && !before.includes(row));
      expect(left).toEqual([]);
    });
  });

  it('that is over has no subscribers, even before it is cleared away', async () => {
    await broker.leave(await sleeper(100));
    expect(await publish('x')).toBe(0);
    await broker.pass(101);

    expect(await publish('x')).toBe(0x10);
  });

  clause('MQTT-3.1.2-23', 'counts from the end of its connection, not from CONNECT', async () => {
    const client = await sleeper(60);
    for (let passed = 0; passed < 200; passed += 50) {
      await broker.pass(50);
      await client.ping();
    }
    await broker.lose(client);
    await broker.pass(55);

    expect(await isThere()).toBe(true);
  });

  clause('MQTT-4.1.0-1', 'of expiry 0 is kept as long as its connection', async () => {
    const client = await sleeper(0);
    for (let passed = 0; passed < 1000; passed += 50) {
      await broker.pass(50);
      await client.ping();
    }
    await publish('still here');

    expect(await client.hear()).toMatchObject({ text: 'still here' });
  });

  it('counts anew after each connection, as that one said', async () => {
    await broker.leave(await sleeper(60));
    await broker.pass(50);
    await broker.leave(await broker.resume(clientId, 100));
    await broker.pass(90);
    expect((await broker.resume(clientId, 20)).connack?.sessionPresent).toBe(true);
    await broker.lose(await broker.resume(clientId, 20));
    await broker.pass(21);

    expect(await isThere()).toBe(false);
  });

  it('does not end under a client that came back in time', async () => {
    await broker.leave(await sleeper(60));
    await broker.pass(55);
    const again = await broker.resume(clientId, 60);
    await broker.pass(30);
    await again.ping();
    await publish('here');

    expect(await again.hear()).toMatchObject({ text: 'here' });
  });

  it('does not outlive the expiry of the connection that took it over', async () => {
    const first = await sleeper(600);
    const second = await broker.resume(clientId, 0);
    await first.farewell();
    expect(second.connack?.sessionPresent).toBe(true);
    await broker.leave(second);

    expect(await isThere()).toBe(false);
  });

  clause('MQTT-3.1.2-23', 'that never expires is there after a year, with what waited in it', async () => {
    await broker.leave(await sleeper(forever));
    await publish('long ago');
    broker.cloud.clock.jump(365 * day * second);
    await broker.cloud.runSchedule();
    await broker.cloud.settled();
    const again = await broker.resume(clientId);

    expect(again.connack?.sessionPresent).toBe(true);
    expect(await again.hear()).toMatchObject({ text: 'long ago' });
  });

  clause('MQTT-3.1.2-23', 'of the longest finite expiry is there after a year', async () => {
    await broker.leave(await sleeper(forever - 1));
    broker.cloud.clock.jump(365 * day * second);
    await broker.cloud.runSchedule();
    await broker.cloud.settled();

    expect(await isThere()).toBe(true);
  });

  clause('MQTT-4.1.0-2', 'of a client whose keep-alive ran out expires from then on', async () => {
    const client = await broker.resume(clientId, 60, { keepalive: 10 });
    await broker.cloud.settled();
    broker.cloud.clock.jump(16 * second);
    await client.closed();
    await broker.cloud.settled();
    await broker.pass(50);
    expect(await isThere()).toBe(true);
  });
});
