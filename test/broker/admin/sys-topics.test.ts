import { spawn, spawnSync } from 'node:child_process';
import { type EventEmitter, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { connectAsync } from 'mqtt';
import { startAdapter } from '../../../clients/adapter';
import { systemTopics } from '../../../lambdas/broker/admin/sys-topics';
import { version } from '../../../package.json';
import { Broker5 } from '../../support/broker5';
import { GuardedBroker } from '../../support/guarded-broker';
import { codeSpans } from '../../support/markdown';
import { TestBroker } from '../../support/test-broker';
import type { TextClient } from '../../support/text-client';

const settings = { sysTopicsMinutes: 1 };

describe('$SYS topics', () => {
  let broker: TestBroker;
  beforeEach(async () => {
    broker = await TestBroker.start({ settings });
  });
  afterEach(() => broker.stop());

  /** Waits for the next publication, and returns the messages that a client gets, by topic. */
  async function received(client: TextClient): Promise<Record<string, string>> {
    await broker.cloud.settled();
    await broker.cloud.runSchedule();
    const messages = await broker.heardBy(client);
    return Object.fromEntries(messages.map(({ topic, text }) => [topic.replace('$SYS/broker/', ''), text]));
  }

  /** Calls of the tables that the function uses, by table and operation. */
  async function calls(): Promise<Record<string, number>> {
    const { tables } = (await broker.cloud.bill()).dynamodb;
    const used = Object.entries(tables).flatMap(([table, operations]) =>
      Object.entries(operations).map(([operation, usage]) => [`${table} ${operation}`, usage.calls] as const),
    );
    return Object.fromEntries(used.filter(([name]) => name !== 'connections Scan'));
  }

  it('count connected clients, clients that are away and subscriptions', async () => {
    const monitor = await broker.connect('monitor');
    await monitor.subscribe(1, '$SYS/#');
    await broker.connect('guest');
    const device = await broker.resume('device');
    await device.subscribe(1, 'commands/+', 'news');
    await broker.lose(device);

    expect(await received(monitor)).toEqual({
      version: `cirrus-mqtt version ${version}`,
      'clients/connected': '2',
      'clients/disconnected': '1',
      'clients/total': '3',
      'subscriptions/count': '3',
    });
  });

  it('follow changes', async () => {
    const monitor = await broker.connect('monitor');
    await monitor.subscribe(1, '$SYS/broker/clients/+');
    const guest = await broker.connect('guest');
    expect(await received(monitor)).toEqual({
      'clients/connected': '2',
      'clients/disconnected': '0',
      'clients/total': '2',
    });

    await broker.lose(guest);

    expect(await received(monitor)).toEqual({
      'clients/connected': '1',
      'clients/disconnected': '0',
      'clients/total': '1',
    });
  });

  it('are correct for more sessions than one page of a scan has', async () => {
    const monitor = await broker.connect('monitor');
    await monitor.subscribe(1, '$SYS/broker/subscriptions/count');
    const device = await broker.resume('device');
    const topic = (index: number) => `${'x'.repeat(900)}/${index}`;
    for (let batch = 0; batch < 40; batch++) {
      await device.subscribe(1, ...Array.from({ length: 20 }, (_, index) => topic(20 * batch + index)));
    }

    expect(await received(monitor)).toEqual({ 'subscriptions/count': '801' });
  });

  it('are not sent to `#`', async () => {
    const everything = await broker.connect('everything');
    await everything.subscribe(1, '#');
    const monitor = await broker.connect('monitor');
    await monitor.subscribe(1, '$SYS/broker/version');

    expect(Object.keys(await received(monitor))).toEqual(['version']);
    expect(await broker.heardBy(everything)).toEqual([]);
  });

  it('count nothing without a subscriber, nor while all subscribers are away', async () => {
    const absent = await broker.resume('absent');
    await absent.subscribe(1, '$SYS/#');
    await broker.lose(absent);
    await broker.cloud.settled();
    await broker.cloud.runSchedule();
    await broker.cloud.resetBill();
    await broker.cloud.runSchedule(); // a container that has run before
    await broker.cloud.settled();

    expect(await calls()).toEqual({ 'sessions BatchGetItem': 1, 'topicIndex GetItem': 1 });
  });

  it('cannot be published to by clients', async () => {
    const monitor = await broker.connect('monitor');
    await monitor.subscribe(1, '$SYS/broker/version');
    await (await broker.connect('liar')).publish('$SYS/broker/version', '9.9.9', { qos: 1, retain: true });

    expect(await broker.heardBy(monitor)).toEqual([]);
  });

  it('do not wait: a client that was away does not get them when it returns', async () => {
    const monitor = await broker.connect('monitor');
    await monitor.subscribe(1, '$SYS/broker/version');
    const device = await broker.resume('device');
    await device.subscribe(2, '$SYS/broker/version');
    await broker.lose(device);
    await received(monitor);

    expect(await broker.heardBy(await broker.resume('device'))).toEqual([]);
  });
});

describe('docs/operations.md', () => {
  it('lists the $SYS topics', () => {
    const markdown = readFileSync(join(__dirname, '../../../docs/operations.md'), 'utf8');
    const listed = codeSpans(markdown).filter((code) => /^\$SYS\/broker\/[a-z]/.test(code));

    expect(listed).toEqual(systemTopics);
  });
});

describe('$SYS topics for later subscribers', () => {
  let broker: Broker5;
  beforeAll(async () => {
    broker = await Broker5.start({ settings: { ...settings, maxRetained: 100 } });
  });
  afterAll(() => broker.stop());

  it('are retained, and include the number of retained messages where it is limited', async () => {
    const publisher = await broker.connect('publisher');
    for (const topic of ['a', 'b', 'c']) await publisher.publish(topic, 'kept', { qos: 1, retain: true });
    const monitor = await broker.connect('monitor');
    await monitor.subscribe('$SYS/broker/#');
    await broker.pass(6); // a count is cached for five seconds
    await broker.heardBy(monitor);

    const late = await broker.connect('late');
    await late.subscribe('$SYS/broker/retained messages/count');
    const [message] = await broker.heardBy(late);

    expect(message).toMatchObject({ text: '3', retain: true, qos: 0 });
    expect(message?.properties?.messageExpiryInterval).toBeGreaterThan(60);
    await broker.leave(late);
    await broker.leave(monitor);
  });

  it('expire if they are not published again for two and a half intervals', async () => {
    await broker.pass(151);
    const late = await broker.connect('later');
    await late.subscribe('$SYS/#');

    expect(await broker.heardBy(late)).toEqual([]);
  });
});

it('$SYS topics reach as many subscribers as need the fan-out queue', async () => {
  const broker = await TestBroker.start({ settings: { ...settings, inlineRecipients: 1 } });
  const monitors = await Promise.all(['one', 'two'].map((clientId) => broker.connect(clientId)));
  for (const monitor of monitors) await monitor.subscribe(0, '$SYS/broker/clients/total');
  await broker.cloud.settled();
  await broker.cloud.runSchedule();

  for (const monitor of monitors) expect(await broker.heardBy(monitor)).toMatchObject([{ text: '2' }]);
  await broker.stop();
});

describe('$SYS topics where rules decide', () => {
  let guarded: GuardedBroker;
  beforeAll(async () => {
    guarded = await GuardedBroker.start({}, { settings });
    const actions = ['subscribe', 'receive'] as const;
    await guarded.addUser('operator', 'secret', { rules: [{ actions, topics: ['$SYS/#'] }] });
    await guarded.addUser('tenant', 'secret');
  });
  afterAll(() => guarded.stop());

  it('need a rule that names them: a rule for `#` does not', async () => {
    const password = Buffer.from('secret');
    const operator = await guarded.broker.connect('operator', { username: 'operator', password });
    const tenant = await guarded.broker.connect('tenant', { username: 'tenant', password });

    expect(await operator.subscribe('$SYS/broker/clients/#')).toEqual([2]);
    expect(await tenant.subscribe('$SYS/broker/clients/#')).toEqual([0x87]);

    await guarded.cloud.settled();
    await guarded.cloud.runSchedule();
    expect((await guarded.broker.heardBy(operator)).map(({ topic }) => topic)).toContain('$SYS/broker/clients/total');
    expect(await guarded.broker.heardBy(tenant)).toEqual([]);
  });
});

it('$SYS topics reach MQTT.js by the clock alone', async () => {
  const broker = await TestBroker.start({ settings });
  const adapter = await startAdapter({ url: broker.cloud.gatewayUrl, listen: { host: '127.0.0.1', port: 0 } });
  const client = await connectAsync(`mqtt://127.0.0.1:${adapter.port}`, { clientId: 'stock' });
  await client.subscribeAsync('$SYS/broker/clients/connected', { qos: 0 });
  const received = once(client as unknown as EventEmitter, 'message');
  broker.cloud.clock.jump(61_000);
  const [topic, payload] = await received;

  expect(`${topic} ${payload}`).toBe('$SYS/broker/clients/connected 1');
  await client.endAsync(true);
  await adapter.close();
  await broker.stop();
});

const hasMosquitto = !spawnSync('mosquitto_sub', ['--help']).error;
if (!hasMosquitto) console.warn('mosquitto_sub is not installed: NOT tested with $SYS topics');

(hasMosquitto ? it : it.skip)('$SYS topics reach mosquitto_sub under the names it knows', async () => {
  const broker = await TestBroker.start({ settings });
  const adapter = await startAdapter({ url: broker.cloud.gatewayUrl, listen: { host: '127.0.0.1', port: 0 } });
  const options = ['-p', String(adapter.port), '-t', '$SYS/broker/clients/#', '-v', '-C', '3', '-W', '20'];
  const sub = spawn('mosquitto_sub', options);
  const output = text(sub.stdout);
  while ((await broker.rows()).every((row) => !row.startsWith('topicIndex'))) await broker.cloud.settled();
  await broker.cloud.runSchedule();

  expect((await output).trim().split('\n').sort()).toEqual([
    '$SYS/broker/clients/connected 1',
    '$SYS/broker/clients/disconnected 0',
    '$SYS/broker/clients/total 1',
  ]);
  await adapter.close();
  await broker.stop();
});

it('$SYS topics are off by default', async () => {
  const broker = await TestBroker.start();
  const monitor = await broker.connect('monitor');
  await monitor.subscribe(1, '$SYS/#');
  await broker.cloud.runSchedule();

  expect(await broker.heardBy(monitor)).toEqual([]);
  expect((await broker.cloud.bill()).lambda.functions.onSystemTopics.invocations).toBe(0);
  await broker.stop();
});
