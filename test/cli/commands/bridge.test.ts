import { PublishCommand } from '@aws-sdk/client-iot-data-plane';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { bridgeCommand } from '../../../cli/commands/bridge';
import { dataPlane, IotClient } from '../../bridge/iot-client';
import { run } from '../../clients/support/command-runs';
import { TestBroker } from '../../support/test-broker';
import { naming } from '../naming';

const bridge = {
  entries: [
    { direction: 'both', filter: 'state/#', remotePrefix: 'home/', retain: true },
    { direction: 'both', filter: 'passing/#', remotePrefix: 'home/' },
  ],
};

let broker: TestBroker;
let iot: IotClient;

beforeEach(async () => {
  broker = await TestBroker.start({ bridge });
  iot = await IotClient.connect(broker.cloud.iotUrl);
});
afterEach(async () => {
  await iot.end();
  await broker.stop();
});

async function printed(...args: string[]): Promise<string> {
  const started = run(bridgeCommand, [...args, '--local', `http://127.0.0.1:${broker.cloud.port}`]);
  expect(await started.exitCode).toBe(0);
  await broker.cloud.settled();
  return started.stdout().toString();
}

describe('cirrus-mqtt bridge sync', () => {
  it('out copies retained messages to AWS IoT Core, as retained if the entry says so', async () => {
    const publisher = await broker.connect('publisher');
    await publisher.publish('state/lamp', 'on', { qos: 1, retain: true });
    await publisher.publish('passing/cloud', 'white', { qos: 1, retain: true });
    await publisher.publish('elsewhere', 'x', { qos: 1, retain: true });
    await broker.cloud.settled();
    const late = await IotClient.connect(broker.cloud.iotUrl);
    await late.subscribe('home/#');
    expect(await late.hear(1)).toMatchObject([{ topic: 'home/state/lamp', retain: true }]);

    expect(await printed('sync', 'out')).toMatch(/^1 .* AWS IoT Core\n$/);
    expect(await late.hear(2)).toMatchObject([{}, { topic: 'home/state/lamp', payload: 'on', retain: false }]);
    await late.end();
  });

  it('in copies the retained messages of AWS IoT Core', async () => {
    const client = dataPlane(broker.cloud);
    await broker.cloud.faults.set({ fault: 'call', function: 'onBridgeIn', outcome: 'fail' });
    for (const topic of ['home/state/a', 'home/state/b', 'home/passing/c', 'other']) {
      await client.send(new PublishCommand({ topic, payload: Buffer.from(topic), qos: 1, retain: true }));
    }
    await broker.cloud.settled();
    await broker.cloud.faults.clear();

    expect(await printed('sync', 'in')).toMatch(/^2 .* this broker\n$/);
    const late = await broker.connect('late');
    await late.subscribe(0, 'state/#');
    expect((await broker.heardBy(late)).map(({ topic, text, retain }) => [topic, text, retain]).sort()).toEqual([
      ['state/a', 'home/state/a', true],
      ['state/b', 'home/state/b', true],
    ]);
    client.destroy();
  });

  it('in shows its progress on a terminal', async () => {
    await iot.mqtt.publishAsync('home/state/a', 'x', { qos: 1, retain: true });
    await broker.cloud.settled();

    const words = ['sync', 'in', '--local', `http://127.0.0.1:${broker.cloud.port}`];
    const started = run(bridgeCommand, words, '', { isTTY: true });

    expect(await started.exitCode).toBe(0);
    expect(started.stderr().split('\r\u001b[K')).toEqual(['', expect.stringMatching(/^1 /), '']);
  });

  it('does not copy messages back that came through the bridge', async () => {
    const publisher = await broker.connect('publisher');
    await publisher.publish('state/here', 'x', { qos: 1, retain: true });
    await iot.mqtt.publishAsync('home/state/there', 'y', { qos: 1, retain: true });
    await broker.cloud.settled();
    await broker.cloud.resetBill();

    expect(await printed('sync')).toMatch(/^1 .* AWS IoT Core\n1 .* this broker\n$/);
    expect((await broker.cloud.bill()).iot.publishes).toBe(1);
    expect(JSON.parse(await printed('sync', '--json'))).toEqual({ out: 1, in: 1 });
    expect(JSON.parse(await printed('sync', 'out', '--json'))).toEqual({ out: 1 });
  });

  it.each([
    [[], 'sync ""'],
    [['sync', 'up'], 'sync out in "up"'],
    [['sync'], 'sync --local --iot'],
  ])('refuses %j', async (args, message) => {
    await expect(run(bridgeCommand, args).exitCode).rejects.toThrow(naming(message));
  });
});
