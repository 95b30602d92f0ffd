import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TestBroker } from '../support/test-broker';
import { publishPacket, type TextClient } from '../support/text-client';

const bridge = { entries: [{ direction: 'out', filter: 'out/#' }] };

describe('the cost of the bridge', () => {
  let broker: TestBroker;
  let publisher: TextClient;

  beforeAll(async () => {
    broker = await TestBroker.start({ bridge, containers: 1 });
    publisher = await broker.connect('publisher');
    for (const topic of ['out/a', 'in/a']) await publisher.publish(topic, 'x', { qos: 0 });
    await publisher.ping();
  });
  afterAll(() => broker.stop());

  async function billOf(...topics: string[]) {
    await broker.cloud.settled();
    await broker.cloud.resetBill();
    publisher.send(...topics.map((topic) => publishPacket(topic, 'x')));
    await sleep(50);
    await broker.cloud.settled();
    return broker.cloud.bill();
  }

  it('is zero for messages that do not cross', async () => {
    const { sqs, iot, lambda } = await billOf('in/a');

    expect(sqs.queues.bridge).toEqual({ send: 0, receive: 0, delete: 0, messages: 0 });
    expect(lambda.functions.onBridgeOut.invocations).toBe(0);
    expect(iot.dollars).toBe(0);
  });

  it('is one IoT message for each message that crosses, and one request to send, receive and delete ten of a topic', async () => {
    const { sqs, iot, lambda, dynamodb } = await billOf(...Array.from({ length: 10 }, () => 'out/a'));

    expect(sqs.queues.bridge).toEqual({ send: 1, receive: 1, delete: 1, messages: 10 });
    expect(lambda.functions.onBridgeOut.invocations).toBe(1);
    expect(iot).toMatchObject({ publishes: 10, messages: 10, rules: 0 });
    expect(iot.dollars).toBeCloseTo(10e-6, 10);
    expect(dynamodb.writes).toBe(1); // the fast path writes only its commit
  });
});
