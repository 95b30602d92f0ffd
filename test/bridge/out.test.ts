import { setTimeout as sleep } from 'node:timers/promises';
import { GetRetainedMessageCommand } from '@aws-sdk/client-iot-data-plane';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { queues } from '../../lambdas/deployment';
import { apiOf } from '../api/support';
import { Broker5 } from '../support/broker5';
import { TestBroker } from '../support/test-broker';
import { publishPacket, type TextClient } from '../support/text-client';
import { dataPlane, IotClient } from './iot-client';

const bridge = {
  entries: [
    { direction: 'out', filter: 'sensors/#', remotePrefix: 'home/', retain: true },
    { direction: 'out', filter: '#', localPrefix: 'quick/', remotePrefix: 'q/', qos: 0 },
  ],
};

describe('a message that matches an entry', () => {
  let broker: TestBroker;
  let publisher: TextClient;
  let iot: IotClient;

  beforeAll(async () => {
    broker = await TestBroker.start({ bridge });
    publisher = await broker.connect('publisher');
  });
  afterAll(() => broker.stop());

  beforeEach(async () => {
    iot = await IotClient.connect(broker.cloud.iotUrl);
    await iot.subscribe('#');
  });
  afterEach(() => iot.end());

  it.each([0, 1, 2] as const)('at QoS %i arrives below the remote prefix at QoS 1 at most', async (qos) => {
    await publisher.publish(`sensors/${qos}`, 'warm', { qos });

    expect(await iot.receive(1)).toEqual([
      { topic: `home/sensors/${qos}`, payload: 'warm', qos: Math.min(qos, 1), retain: false },
    ]);
  });

  it('of a backend arrives too', async () => {
    await apiOf(broker.cloud).publish({ topic: 'sensors/api', payload: 'warm', qos: 1 });

    expect(await iot.receive(1)).toMatchObject([{ topic: 'home/sensors/api', payload: 'warm', qos: 1 }]);
  });

  it('has at most the QoS of the entry, and loses the local prefix', async () => {
    await publisher.publish('quick/a/b', 'x', { qos: 1 });

    expect(await iot.receive(1)).toMatchObject([{ topic: 'q/a/b', qos: 0 }]);
  });

  it('is retained in AWS IoT Core if the entry says so', async () => {
    await publisher.publish('sensors/kept', 'old', { qos: 1, retain: true });
    await publisher.publish('quick/kept', 'old', { qos: 1, retain: true });
    await iot.receive(2);

    const late = await IotClient.connect(broker.cloud.iotUrl);
    await late.subscribe('+/#');
    expect(await late.receive(1)).toEqual([{ topic: 'home/sensors/kept', payload: 'old', qos: 1, retain: true }]);
    await late.end();
    await publisher.publish('sensors/kept', '', { qos: 1, retain: true });
    await iot.receive(3);
  });

  it('keeps its order within its topic', async () => {
    const texts = Array.from({ length: 60 }, (_, index) => String(index));
    publisher.send(...texts.map((text, index) => publishPacket('sensors/row', text, { qos: 1, messageId: index + 1 })));

    expect((await iot.receive(60)).map(({ payload }) => payload)).toEqual(texts);
    for (const _ of texts) await publisher.next('puback');
  });

  it('may be a will', async () => {
    const will = { topic: 'sensors/will', payload: Buffer.from('gone'), qos: 1, retain: false } as const;
    await broker.lose(await broker.connect('mortal', { will }));

    expect(await iot.receive(1)).toMatchObject([{ topic: 'home/sensors/will', payload: 'gone' }]);
  });

  it('of another topic does not cross', async () => {
    await publisher.publish('elsewhere', 'x', { qos: 1 });
    await publisher.publish('sensors/last', 'y', { qos: 1 });

    expect(await iot.receive(1)).toMatchObject([{ topic: 'home/sensors/last' }]);
  });
});

describe('a message that AWS IoT Core does not accept', () => {
  let broker: Broker5;

  beforeAll(async () => {
    broker = await Broker5.start({ bridge });
  });
  afterAll(() => broker.stop());

  it('is logged with the reason, and does not delay later messages', async () => {
    const iot = await IotClient.connect(broker.cloud.iotUrl);
    await iot.subscribe('home/#');
    const publisher = await broker.connect('publisher');
    await publisher.publish('sensors/3/4/5/6/7/8/9', 'too deep', { qos: 1 });
    await publisher.publish(`sensors/${'x'.repeat(250)}`, 'too long', { qos: 1 });
    await publisher.publish('sensors/good', 'taken', { qos: 1 });

    expect(await iot.receive(1)).toMatchObject([{ payload: 'taken' }]);
    await broker.cloud.settled();
    const refused = broker.older.logged('bridge refused');
    expect(refused.map(({ reason }) => reason).sort()).toEqual([
      'the topic has 263 bytes, but AWS IoT Core accepts 256',
      'the topic has 9 levels, but AWS IoT Core accepts 8',
    ]);
    expect((await broker.cloud.bill()).iot.publishes).toBe(1);
    await iot.end();
  });

  it('is not one with properties of MQTT 5.0: they cross, with the origin property', async () => {
    const publisher = await broker.connect('another');
    const userProperties = { one: '1', two: ['2', 'zwei'] };
    await publisher.publish('sensors/kept', 'x', { qos: 1, retain: true, properties: { userProperties } });
    await broker.cloud.settled();

    const client = dataPlane(broker.cloud);
    const kept = await client.send(new GetRetainedMessageCommand({ topic: 'home/sensors/kept' }));
    expect(JSON.parse(Buffer.from(kept.userProperties ?? []).toString())).toEqual([
      { one: '1' },
      { two: '2' },
      { two: 'zwei' },
      { 'cirrus-mqtt-bridge': 'cirrus-mqtt' },
    ]);
    client.destroy();
  });
});

describe('while AWS IoT Core is away', () => {
  let broker: TestBroker;
  let publisher: TextClient;
  let iot: IotClient;

  beforeEach(async () => {
    broker = await TestBroker.start({ bridge, visibilitySeconds: 0.2 });
    publisher = await broker.connect('publisher');
    iot = await IotClient.connect(broker.cloud.iotUrl);
    await iot.subscribe('home/#');
  });
  afterEach(async () => {
    await iot.end();
    await broker.stop();
  });

  const texts = Array.from({ length: 30 }, (_, index) => String(index));

  async function publishAll(): Promise<void> {
    for (const text of texts) await publisher.publish('sensors/row', text, { qos: 1 });
  }

  /** Payloads in the order of their first arrival. */
  async function arrived(): Promise<string[]> {
    await broker.cloud.settled();
    return [...new Set((await iot.receive(texts.length)).map(({ payload }) => payload))];
  }

  it.each(['throttle', 'fail'] as const)(
    '(%s) no acknowledged message is lost, and the order is kept',
    async (outcome) => {
      await broker.cloud.faults.set({ fault: 'call', service: 'iot', outcome });
      await publishAll();
      await broker.struck();
      await broker.cloud.faults.clear();

      expect(await arrived()).toEqual(texts);
      expect(broker.cloud.deadLetters()).toEqual([]);
    },
  );

  it('and containers die, before or after a message has crossed, no message is lost', async () => {
    for (const when of ['before', 'after'] as const) {
      await broker.cloud.faults.set({ fault: 'call', service: 'iot', outcome: 'kill', when, skip: 5, times: 3 });
    }
    await publishAll();

    expect(await arrived()).toEqual(texts);
    expect(broker.cloud.deadLetters()).toEqual([]);
  });

  it('and the function of the publisher dies around the queue, no acknowledged message is lost', async () => {
    for (const when of ['before', 'after'] as const) {
      await broker.cloud.faults.set({ fault: 'call', queue: 'bridge', outcome: 'kill', when, skip: 4, times: 1 });
    }
    await publishAll();

    expect((await arrived()).sort()).toEqual([...texts].sort());
  });

  it('and the queue too, a message at QoS 0 still reaches local subscribers', async () => {
    const subscriber = await broker.connect('subscriber');
    await subscriber.subscribe(0, 'sensors/#');
    await broker.cloud.faults.set({ fault: 'call', queue: 'bridge', outcome: 'fail' });
    await publisher.publish('sensors/row', 'here', { qos: 0 });

    expect(await subscriber.hear()).toMatchObject({ text: 'here' });
    expect(broker.logged('bridge failed')).toMatchObject([{ dropped: 1 }]);
  });

  it('for longer than the queue retries, messages stay in the dead-letter queue until they are moved back', async () => {
    const { maxReceives } = queues.bridge;
    await broker.cloud.faults.set({ fault: 'call', service: 'iot', outcome: 'fail' });
    await publisher.publish('sensors/row', 'patient', { qos: 1 });
    for (let attempt = 0; attempt < maxReceives && broker.cloud.deadLetters().length === 0; attempt++) {
      await sleep(50);
      broker.cloud.clock.jump(1000);
    }
    while (broker.cloud.deadLetters().length === 0) await sleep(50);
    await broker.cloud.faults.clear();

    expect(broker.cloud.redrive('bridge')).toBe(1);
    expect(await iot.receive(1)).toMatchObject([{ payload: 'patient' }]);
    expect(broker.cloud.deadLetters()).toEqual([]);
  });
});
