import { IoTDataPlaneClient, PublishCommand } from '@aws-sdk/client-iot-data-plane';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterEach, describe, expect, it } from '@jest/globals';
import { TestBroker } from '../support/test-broker';
import type { TextClient } from '../support/text-client';
import { dataPlane, IotClient } from './iot-client';

describe('a message that could loop', () => {
  let broker: TestBroker;
  let iot: IotClient;
  let here: TextClient;

  async function start(...entries: object[]): Promise<void> {
    broker = await TestBroker.start({ bridge: { entries } });
    here = await broker.connect('here');
    await here.subscribe(0, '#');
    iot = await IotClient.connect(broker.cloud.iotUrl);
    await iot.subscribe('#');
  }

  afterEach(async () => {
    await iot.end();
    await broker.stop();
  });

  const overlapping = [
    { name: 'the same topics on both sides', entries: [{ direction: 'both', filter: '#' }] },
    {
      name: 'prefixes that lead into each other',
      entries: [
        { direction: 'both', filter: '#', localPrefix: 'a/', remotePrefix: 'a/b/' },
        { direction: 'both', filter: '#', localPrefix: 'a/', remotePrefix: 'a/' },
        { direction: 'both', filter: '#', localPrefix: 'a/b/', remotePrefix: 'a/' },
      ],
    },
  ];

  it.each(overlapping)('crosses once to AWS IoT Core: $name', async ({ entries }) => {
    await start(...entries);
    await here.publish('a/b/c', 'x', { qos: 1 });
    const there = await iot.receive(1);

    const back = await broker.heardBy(here);
    expect(back).toMatchObject([{ topic: 'a/b/c' }]);
    expect(new Set(there.map(({ topic }) => topic)).size).toBe(there.length); // the topic of each entry once
    const { publishes } = (await broker.cloud.bill()).iot;
    expect(there).toHaveLength(publishes);
  });

  it.each(overlapping)('crosses once from AWS IoT Core: $name', async ({ entries }) => {
    await start(...entries);
    await iot.mqtt.publishAsync('a/b/c', 'x', { qos: 1 });
    await here.next('publish');
    await broker.cloud.settled();

    expect((await broker.cloud.bill()).iot.publishes).toBe(0);
    expect(broker.cloud.deadLetters()).toEqual([]);
  });

  it('of another broker of this kind is accepted', async () => {
    await start({ direction: 'both', filter: '#' });
    const client = dataPlane(broker.cloud);
    const userProperties = JSON.stringify([{ 'cirrus-mqtt-bridge': 'another' }]);
    await client.send(new PublishCommand({ topic: 'a', payload: Buffer.from('x'), userProperties }));

    expect(await here.hear()).toMatchObject({ topic: 'a', text: 'x' });
    client.destroy();
  });

  it('keeps its origin when it is retained', async () => {
    await start({ direction: 'both', filter: '#', retain: true });
    await iot.mqtt.publishAsync('a', 'x', { qos: 1 });
    await here.next('publish');

    const late = await broker.connect('late');
    await late.subscribe(0, 'a');
    expect(await late.hear()).toMatchObject({ topic: 'a', retain: true });
    expect((await broker.cloud.bill()).iot.publishes).toBe(0);
  });

  it('would need permissions that the function for incoming messages does not have', async () => {
    await start({ direction: 'both', filter: '#' });
    const credentials = { accessKeyId: 'local0onBridgeIn9', secretAccessKey: 'local' };
    const { sqs: endpoint } = broker.cloud.endpoints;
    const queues = new SQSClient({ region: 'us-east-1', endpoint, credentials });
    const core = new IoTDataPlaneClient({ region: 'us-east-1', endpoint, credentials });
    const QueueUrl = `${endpoint}/000000000000/bridge.fifo`;

    await expect(queues.send(new SendMessageCommand({ QueueUrl, MessageBody: 'x' }))).rejects.toThrow('may not send');
    await expect(core.send(new PublishCommand({ topic: 'a' }))).rejects.toMatchObject({ name: 'ForbiddenException' });
    queues.destroy();
    core.destroy();
  });
});
