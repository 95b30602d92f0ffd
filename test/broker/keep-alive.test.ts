/*
 * Proved elsewhere: the arithmetic of deadlines: test/protocol; other causes of a will: will.test.ts.
 * The client's duty: [v3 MQTT-3.1.2-23] to send a packet in time, [v3 MQTT-3.12.4-1] to expect PINGRESP.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { clause } from '../support/clause';
import { TestBroker } from '../support/test-broker';
import type { TextClient } from '../support/text-client';

const second = 1000;
const minute = 60 * second;

describe('the keep-alive', () => {
  let broker: TestBroker;
  let observer: TextClient;
  let count = 0;

  beforeAll(async () => {
    broker = await TestBroker.start({ containers: 1 });
    broker.cloud.clock.hold();
  });

  // New clients for each test: they share a clock that has passed the deadlines of the old ones.
  beforeEach(async () => {
    count += 1;
    observer = await broker.connect(`observer ${count}`, { keepalive: 0 });
    await observer.subscribe(1, `will/${count}`);
  });

  afterEach(() => broker.cloud.faults.clear());

  afterAll(() => broker.stop());

  async function connect(keepalive: number): Promise<TextClient> {
    const will = { topic: `will/${count}`, payload: Buffer.from('lost'), qos: 1, retain: false } as const;
    const client = await broker.connect(`client ${count}`, { keepalive, will });
    await broker.cloud.settled(); // CONNACK leaves before the connection is stored
    return client;
  }

  async function pass(seconds: number): Promise<void> {
    broker.cloud.clock.jump(seconds * second);
    await sleep(5); // timers fire in the next turn
    await broker.cloud.settled();
  }

  clause('v3 MQTT-3.1.2-24', 'closes a connection without a packet for one and a half of it', async () => {
    const client = await connect(10);
    broker.cloud.clock.jump(14 * second);
    expect(await broker.heardBy(observer)).toEqual([]);
    expect(client.closeCode).toBeUndefined();
    broker.cloud.clock.jump(2 * second);

    expect(await observer.hear()).toMatchObject({ text: 'lost' });
    await client.closed();
  });

  clause('v3 MQTT-3.1.2-24', 'does not close a connection that sends any packet in time', async () => {
    const client = await connect(10);
    for (let count = 0; count < 6; count++) {
      broker.cloud.clock.jump(12 * second);
      if (count % 2 === 0) await client.ping();
      else await client.publish('nobody', 'x', { qos: 1 });
    }
    await broker.cloud.settled();

    expect(client.closeCode).toBeUndefined();
    broker.cloud.clock.jump(16 * second);
    expect(await observer.hear()).toMatchObject({ text: 'lost' });
  });

  clause('v3 MQTT-3.1.2-24', 'does not count packets of the broker', async () => {
    const client = await connect(10);
    await client.subscribe(0, 'chatter');
    for (let count = 0; count < 4; count++) {
      broker.cloud.clock.jump(4.5 * second);
      await observer.publish('chatter', 'x');
      await broker.cloud.settled();
    }

    expect(await observer.hear()).toMatchObject({ text: 'lost' });
    await client.closed();
  });

  clause('v3 MQTT-3.1.2-24', 'longer than the interval of sweeps is monitored by the schedule', async () => {
    const client = await connect(200);
    for (let minutes = 0; minutes < 4; minutes++) {
      broker.cloud.clock.jump(minute);
      await broker.cloud.runSchedule();
      await broker.cloud.settled();
    }
    expect(client.closeCode).toBeUndefined();
    broker.cloud.clock.jump(minute);
    await broker.cloud.runSchedule();

    expect(await observer.hear()).toMatchObject({ text: 'lost' });
  });

  clause('v3 MQTT-3.1.2-24', 'of a minute is monitored by extra sweeps', async () => {
    const client = await connect(60);
    for (let seconds = 0; seconds < 80; seconds += 5) await pass(5);
    expect(client.closeCode).toBeUndefined();
    for (let seconds = 80; seconds < 95; seconds += 5) await pass(5);

    expect(await broker.heardBy(observer)).toMatchObject([{ text: 'lost' }]);
    await client.closed();
  });

  it('is monitored also if it runs out before its CONNECT is handled', async () => {
    await broker.cloud.faults.set({
      fault: 'call',
      operation: 'PutItem',
      table: 'connections',
      outcome: 'throttle',
      times: 2,
    });
    await connect(10);
    await broker.struck();
    broker.cloud.clock.jump(16 * second);
    await broker.cloud.settled();
    await broker.cloud.faults.clear();
    broker.cloud.clock.jump(minute);

    expect(await observer.hear()).toMatchObject({ text: 'lost' });
  });

  it('of 0 never expires, until the limits of API Gateway', async () => {
    const client = await connect(0);
    for (let minutes = 0; minutes < 100; minutes += 9) {
      broker.cloud.clock.jump(9 * minute);
      await client.ping();
      await observer.ping();
    }
    await broker.cloud.runSchedule();
    expect(await broker.heardBy(observer)).toEqual([]);
    expect(client.closeCode).toBeUndefined();
  });

  describe('when the gateway loses $disconnect', () => {
    async function lose(client: TextClient): Promise<void> {
      await broker.cloud.faults.set({ fault: 'lose-disconnect', times: 1 });
      await broker.lose(client);
    }

    clause('v3 MQTT-3.1.2-8', 'lets the timer queue publish the will', async () => {
      await lose(await connect(10));
      expect(await broker.heardBy(observer)).toEqual([]);
      broker.cloud.clock.jump(16 * second);

      expect(await observer.hear()).toMatchObject({ text: 'lost' });
    });

    clause(
      'v3 MQTT-3.1.2-8',
      'lets the schedule publish the will, if the keep-alive is longer than the interval of sweeps',
      async () => {
        const client = await connect(100);
        await broker.lose(client);
        broker.cloud.clock.jump(151 * second);
        await broker.cloud.runSchedule();

        expect(await observer.hear()).toMatchObject({ text: 'lost' });
        expect(await broker.heardBy(observer)).toEqual([]);
      },
    );

    it('without a keep-alive publishes the will after the two hours of a connection', async () => {
      const watcher = await broker.resume('watcher');
      await watcher.subscribe(1, `will/${count}`);
      await watcher.disconnect();
      await lose(await connect(0));
      broker.cloud.clock.jump(119 * minute);
      await broker.cloud.runSchedule();
      expect(await broker.heardBy(await broker.resume('watcher'))).toEqual([]);
      broker.cloud.clock.jump(7 * minute);
      await broker.cloud.runSchedule();

      expect(await (await broker.resume('watcher')).hear()).toMatchObject({ text: 'lost' });
    });
  });
});
