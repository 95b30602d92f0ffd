import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Client5 } from '../../support/client5';
import { readMetricLine } from '../../support/emf';
import { TestBroker } from '../../support/test-broker';

/** Sums of all counts since the start, and the number of values of each measure. */
function sums(broker: TestBroker, kind: 'metrics' | 'values' = 'metrics'): Record<string, number> {
  const total: Record<string, number> = {};
  for (const { text } of broker.metricLines()) {
    for (const [name, values] of Object.entries(readMetricLine(text)[kind])) {
      const isMeasured = /Latency|Lateness|Recipients|QueueDepth/.test(name);
      total[name] = (total[name] ?? 0) + (isMeasured ? values.length : values.reduce((sum, value) => sum + value, 0));
    }
  }
  return total;
}

/** All values of a measure, in the order of the lines. */
function measured(broker: TestBroker, name: string): number[] {
  return broker.metricLines().flatMap(({ text }) => readMetricLine(text).metrics[name] ?? []);
}

describe('the metrics', () => {
  let broker: TestBroker;
  beforeEach(async () => {
    broker = await TestBroker.start({ settings: { metrics: 'all' }, visibilitySeconds: 0.2 });
  });
  afterEach(() => broker.stop());

  it('count connections, messages by QoS and bytes of payloads, in and out', async () => {
    const subscriber = await broker.connect('subscriber');
    await subscriber.subscribe(2, 'a');
    const publisher = await broker.connect('publisher');
    for (const qos of [0, 1, 2] as const) {
      await publisher.publish('a', 'four', { qos });
      await publisher.publish('nobody', 'hears it', { qos });
    }
    await broker.heardBy(subscriber);
    await publisher.disconnect();
    await broker.cloud.settled();

    expect(sums(broker)).toEqual({
      ...{ ConnectionsOpened: 2, ConnectionsClosed: 1 },
      ...{ MessagesIn: 6, MessagesInQos0: 2, MessagesInQos1: 2, MessagesInQos2: 2, BytesIn: 36 },
      ...{ MessagesOut: 3, MessagesOutQos0: 1, MessagesOutQos1: 1, MessagesOutQos2: 1, BytesOut: 12 },
      ...{ DeliveryLatency: 3, Recipients: 6 },
    });
  });

  it('are one line for each invocation with metrics, and none for the others', async () => {
    const client = await broker.connect('client');
    await broker.cloud.settled();
    const before = broker.metricLines().length;
    await client.ping();
    await broker.cloud.settled();
    expect(broker.metricLines()).toHaveLength(before);
    await broker.cloud.resetBill();

    for (let count = 0; count < 5; count++) {
      await client.publish('a', 'x', { qos: 1 });
      await broker.cloud.settled();
    }

    const { lambda } = await broker.cloud.bill();
    expect(broker.metricLines()).toHaveLength(before + lambda.functions.onPackets.invocations);
  });

  it('count a message once, also when its turn is repeated', async () => {
    const publisher = await broker.connect('publisher');
    await publisher.publish('a', 'x', { qos: 1 }); // the container caches the connection
    await broker.cloud.faults.set({
      fault: 'call',
      outcome: 'kill',
      table: 'connections',
      times: 1,
      operation: 'UpdateItem',
    });
    await publisher.publish('a', 'x', { qos: 1 });
    await broker.cloud.settled();

    expect(sums(broker)).toMatchObject({ MessagesIn: 2 });
  });

  it('include the latency of a fan-out', async () => {
    await broker.stop();
    broker = await TestBroker.start({ settings: { inlineRecipients: 1 } });
    for (const name of ['one', 'other']) await (await broker.connect(name)).subscribe(0, 'a');
    const publisher = await broker.connect('publisher');
    await publisher.publish('a', 'x', { qos: 1 });
    await broker.cloud.settled();

    const ofFanOut = broker.metricLines().filter(({ writer }) => writer === 'onFanOut');
    const latencies = ofFanOut.flatMap(({ text }) => readMetricLine(text).metrics.DeliveryLatency ?? []);
    expect(sums(broker)).toMatchObject({ MessagesIn: 1, MessagesOut: 2 });
    expect(latencies).toHaveLength(2);
    expect(Math.max(...latencies)).toBeLessThan(60_000); // a duration, and no time since 1970
  });

  it('measure how late a keep-alive and a will are handled', async () => {
    broker.cloud.clock.hold();
    await broker.connect('client', {
      keepalive: 60,
      will: { topic: 'a', payload: Buffer.from('x'), qos: 1, retain: false },
    });
    broker.cloud.clock.jump(95_000);
    await broker.cloud.runSchedule();
    await broker.cloud.settled();

    const [delay = -1] = measured(broker, 'KeepAliveLateness');
    const [will = -1] = measured(broker, 'WillLateness');
    expect(delay).toBe(5000);
    expect(will).toBe(5000);
  });

  it('measure how late a session ends', async () => {
    broker.cloud.clock.hold();
    const line = await broker.open();
    await new Client5(line).connect('device', { properties: { sessionExpiryInterval: 30 } });
    await broker.lose(line);
    broker.cloud.clock.jump(34_000);
    await broker.cloud.runSchedule();
    await broker.cloud.settled();

    const [delay = -1, ...others] = measured(broker, 'SessionExpiryLateness');
    expect(delay).toBe(4000);
    expect(others).toEqual([]);
  });

  it('measure how many messages wait for a client that is away, with each new one', async () => {
    const [away, here] = [await broker.resume('away'), await broker.resume('here')];
    for (const client of [away, here]) await client.subscribe(1, 'a');
    const publisher = await broker.connect('publisher');
    await publisher.publish('a', 'while it is here', { qos: 1 });
    await broker.heardBy(away);
    await broker.lose(away);
    for (let count = 0; count < 3; count++) await publisher.publish('a', 'x', { qos: 1 });
    await broker.cloud.settled();

    expect(measured(broker, 'QueueDepth')).toEqual([1, 2, 3]);
  });

  it('count dropped messages by reason', async () => {
    await broker.stop();
    broker = await TestBroker.start({ settings: { metrics: 'all', queueLimit: 2 } });
    const away = await broker.resume('away');
    await away.subscribe(1, 'a');
    await away.disconnect();
    const publisher = await broker.connect('publisher');
    for (let count = 0; count < 5; count++) await publisher.publish('a', 'x', { qos: 1 });
    await broker.cloud.settled();

    expect(sums(broker)).toMatchObject({ MessagesDropped: 3, DroppedQueueFull: 3 });
  });

  it('count throttled calls', async () => {
    const client = await broker.connect('client');
    await broker.cloud.faults.set({ fault: 'call', outcome: 'throttle', service: 'dynamodb', times: 2 });
    await client.publish('a', 'x', { qos: 1 });
    await broker.cloud.settled();

    expect(sums(broker)).toMatchObject({ ThrottledCalls: 2 });
  });

  it('are not written when they are off', async () => {
    await broker.stop();
    broker = await TestBroker.start({ settings: { metrics: 'off' } });
    await (await broker.connect('client')).publish('a', 'x', { qos: 1 });
    await broker.cloud.settled();

    expect(broker.metricLines()).toEqual([]);
  });
});

describe('the metrics of a guarded broker', () => {
  it('count refused logins and denied messages, without names', async () => {
    const rules = [{ actions: ['publish'], topics: ['allowed'] }];
    const broker = await TestBroker.start({ access: { anonymous: 'by-rules', rules } });
    try {
      const client = await broker.connect('somebody');
      await client.publish('secret/topic', 'secret payload', { qos: 1 });
      await client.publish('allowed', 'secret payload', { qos: 0 });
      await (await broker.open())
        .connect('stranger', { username: 'nobody', password: Buffer.from('guess') })
        .catch(String);
      await broker.cloud.settled();

      const text = broker.metricLines().map((line) => line.text);
      expect(sums(broker)).toMatchObject({ ConnectionsOpened: 1, RefusedLogins: 1, MessagesIn: 1, MessagesDropped: 1 });
      expect(text.join()).not.toMatch(/somebody|stranger|nobody|guess|secret|allowed/);
    } finally {
      await broker.stop();
    }
  });
});
