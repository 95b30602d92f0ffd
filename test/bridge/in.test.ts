import { setTimeout as sleep } from 'node:timers/promises';
import { PublishCommand, type PublishCommandInput } from '@aws-sdk/client-iot-data-plane';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Broker5 } from '../support/broker5';
import { TestBroker } from '../support/test-broker';
import type { TextClient } from '../support/text-client';
import { dataPlane, IotClient } from './iot-client';

const bridge = {
  entries: [
    { direction: 'in', filter: 'commands/#', remotePrefix: 'home/' },
    { direction: 'in', filter: 'state/+', localPrefix: 'cloud/', remotePrefix: 'home/', retain: true, qos: 0 },
  ],
};

describe('a message of AWS IoT Core that matches an entry', () => {
  let broker: TestBroker;
  let subscriber: TextClient;
  let iot: IotClient;

  beforeAll(async () => {
    broker = await TestBroker.start({ bridge });
    subscriber = await broker.connect('subscriber');
    await subscriber.subscribe(2, '#');
    iot = await IotClient.connect(broker.cloud.iotUrl);
  });
  afterAll(async () => {
    await iot.end();
    await broker.stop();
  });

  it.each([0, 1] as const)('arrives at the QoS of the entry, whatever its own QoS: %i', async (qos) => {
    await iot.mqtt.publishAsync('home/commands/a', 'go', { qos });

    const packet = await subscriber.next('publish');
    await subscriber.acknowledge(packet);
    expect(packet).toMatchObject({ topic: 'commands/a', payload: Buffer.from('go'), qos: 1, retain: false });
  });

  it('is retained if the entry says so, and removed by an empty payload', async () => {
    await iot.mqtt.publishAsync('home/state/lamp', 'on', { qos: 1 });
    expect(await subscriber.hear()).toMatchObject({ topic: 'cloud/state/lamp', text: 'on', qos: 0, retain: false });

    const late = await broker.connect('late');
    await late.subscribe(1, 'cloud/#');
    expect(await late.hear()).toMatchObject({ topic: 'cloud/state/lamp', text: 'on', retain: true });

    await iot.mqtt.publishAsync('home/state/lamp', '', { qos: 1 });
    await subscriber.hear();
    const later = await broker.connect('later');
    await later.subscribe(1, 'cloud/#');
    expect(await broker.heardBy(later)).toEqual([]);
  });

  it('may be binary', async () => {
    const payload = Buffer.from([0, 1, 0xff, 0xc3, 0x28]);
    await iot.mqtt.publishAsync('home/commands/raw', payload, { qos: 1 });

    const packet = await subscriber.next('publish');
    await subscriber.acknowledge(packet);
    expect(packet.payload).toEqual(payload);
  });

  it('is refused with a log line if it exceeds the packet size of this broker', async () => {
    await iot.mqtt.publishAsync('home/commands/large', Buffer.alloc(120_000), { qos: 1 });
    await iot.mqtt.publishAsync('home/elsewhere', 'x', { qos: 1 });

    expect(await broker.heardBy(subscriber)).toEqual([]);
    expect(broker.logged('bridge refused')).toMatchObject([
      {
        direction: 'in',
        topic: 'home/commands/large',
        reason: 'the message is larger than packets of 97280 bytes can hold',
      },
    ]);
  });

  it('costs a rule and an invocation, but no IoT message', async () => {
    await broker.cloud.resetBill();
    await iot.mqtt.publishAsync('home/commands/a', 'go', { qos: 1 });
    await subscriber.acknowledge(await subscriber.next('publish'));
    await broker.cloud.settled();

    const { iot: usage, lambda } = await broker.cloud.bill();
    expect(usage).toMatchObject({ publishes: 0, rules: 1, actions: 1 });
    expect(usage.dollars).toBeCloseTo(0.3e-6, 10);
    expect(lambda.functions.onBridgeIn.invocations).toBe(1);
  });
});

describe('the properties of a message of AWS IoT Core', () => {
  it('are forwarded as far as rules provide them', async () => {
    const broker = await Broker5.start({ bridge });
    const subscriber = await broker.connect('subscriber');
    await subscriber.subscribe('#');
    const client = dataPlane(broker.cloud);
    const input: PublishCommandInput = {
      topic: 'home/commands/a',
      payload: Buffer.from('{}'),
      contentType: 'application/json',
      responseTopic: 'home/answers',
      correlationData: Buffer.from([1, 2]).toString('base64'),
      payloadFormatIndicator: 'UTF8_DATA',
      userProperties: JSON.stringify([{ a: '1' }, { a: '2' }]),
    };
    await client.send(new PublishCommand(input));

    expect((await subscriber.hear()).properties).toEqual({
      contentType: 'application/json',
      responseTopic: 'home/answers',
      correlationData: Buffer.from([1, 2]),
      payloadFormatIndicator: true,
      userProperties: { a: ['1', '2'] },
    });
    client.destroy();
    await broker.stop();
  });
});

describe('if the function of the rule fails', () => {
  let broker: TestBroker;
  let subscriber: TextClient;
  let iot: IotClient;

  beforeEach(async () => {
    broker = await TestBroker.start({ bridge });
    subscriber = await broker.connect('subscriber', { keepalive: 0 });
    await subscriber.subscribe(1, '#');
    iot = await IotClient.connect(broker.cloud.iotUrl);
  });
  afterEach(async () => {
    await iot.end();
    await broker.stop();
  });

  async function failing(times: number): Promise<void> {
    await broker.cloud.faults.set({ fault: 'call', function: 'onBridgeIn', outcome: 'kill', times });
    await iot.mqtt.publishAsync('home/commands/a', 'go', { qos: 1 });
    for (let attempt = 1; attempt <= times; attempt++) {
      while (broker.cloud.faults.report().every(({ struck }) => struck < attempt)) await sleep(5);
      await broker.cloud.settled();
      broker.cloud.clock.jump(120_000);
    }
  }

  it('Lambda retries', async () => {
    await failing(2);

    expect(await subscriber.hear()).toMatchObject({ topic: 'commands/a', text: 'go' });
    expect(broker.cloud.deadLetters()).toEqual([]);
  });

  it('three times, the message stays in the dead-letter queue until it is moved back', async () => {
    await failing(3);
    expect(broker.cloud.deadLetters()).toMatchObject([{ queue: 'bridgeIn' }]);

    expect(broker.cloud.redrive('bridgeIn')).toBe(1);
    expect(await subscriber.hear()).toMatchObject({ topic: 'commands/a', text: 'go' });
  });
});
