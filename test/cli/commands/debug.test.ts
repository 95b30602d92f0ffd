import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { debugCommand } from '../../../cli/commands/debug';
import { run } from '../../clients/support/command-runs';
import { TestBroker } from '../../support/test-broker';
import { naming } from '../naming';

const will = { topic: 'will/topic', payload: Buffer.from('last words'), qos: 0, retain: false } as const;

describe('debug', () => {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await TestBroker.start({ containers: 1 });
  });
  afterAll(() => broker.stop());

  async function debug(...args: string[]): Promise<string> {
    const command = run(debugCommand, [...args, '--local', `http://127.0.0.1:${broker.cloud.port}`]);
    expect(await command.exitCode).toBe(0);
    return command.stdout().toString();
  }

  const packets = () =>
    [...broker.logged('packet in'), ...broker.logged('packet out')].map(({ event, clientId, type }) => [
      event,
      clientId,
      type,
    ]);

  /** Advances half a minute. The invocation that reads the list does not use it yet. */
  async function later(): Promise<void> {
    broker.cloud.clock.jump(30_000);
    const somebody = await broker.connect('somebody');
    await somebody.disconnect();
    await broker.cloud.settled();
  }

  it('logs no packets by default', async () => {
    const client = await broker.connect('quiet');
    await client.publish('a', 'x', { qos: 1 });
    await broker.cloud.settled();

    expect(packets()).toEqual([]);
  });

  it('logs the packets of one client within half a minute, and prints the end time', async () => {
    expect(await debug('watched', '--minutes', '5')).toMatch(/"watched".* until \d{4}-.*Z\n$/);
    await later();
    const other = await broker.connect('other');
    const watched = await broker.connect('watched', {
      username: 'me',
      password: Buffer.from('hunter2'),
      keepalive: 60,
      will,
    });
    await watched.subscribe(1, 'home/+');
    await other.publish('home/lamp', 'dark secret', { qos: 1 });
    await watched.hear();
    await watched.publish('away', 'dark secret', { qos: 0 });
    await watched.disconnect();
    await broker.cloud.settled();

    expect(broker.logged('packet in')).toMatchObject([
      { clientId: 'watched', type: 'connect', version: 4, clean: true, keepalive: 60, will: true },
      { type: 'subscribe', packetId: expect.any(Number), filters: '"home/+" at 1', count: 1 },
      { type: 'puback' },
      { type: 'publish', topic: '"away"', qos: 0, payload: 11, size: 19 },
      { type: 'pingreq', size: 2 },
      { type: 'disconnect' },
    ]);
    expect(broker.logged('packet out')).toMatchObject([
      { clientId: 'watched', type: 'connack', sessionPresent: false, returnCode: 0 },
      { type: 'suback', granted: '1' },
      { type: 'publish', topic: '"home/lamp"', qos: 1, packetId: expect.any(Number), payload: 11 },
      { type: 'pingresp' },
    ]);
    const all = JSON.stringify([broker.logged('packet in'), broker.logged('packet out')]);
    expect(all).not.toMatch(/secret|hunter2|last words/);
  });

  it('ends after its time, and with --off', async () => {
    const before = packets().length;
    expect(await debug('watched', '--off')).toMatch(/"watched".* no longer/);
    expect(await debug('watched', '--off')).toMatch(/"watched".* not logged/);
    await debug('brief', '--minutes', '1');
    await later();
    broker.cloud.clock.jump(60_000);
    for (const name of ['watched', 'brief']) await (await broker.connect(name)).publish('a', 'x', { qos: 1 });
    await broker.cloud.settled();

    expect(packets()).toHaveLength(before);
  });

  it('costs each container one read of half a unit in half a minute', async () => {
    const client = await broker.connect('reader');
    await broker.cloud.settled();
    broker.cloud.clock.jump(30_000);
    await broker.cloud.resetBill();
    for (let count = 0; count < 5; count++) {
      await client.ping();
      await broker.cloud.settled();
    }

    expect((await broker.cloud.bill()).dynamodb.tables.accounts?.Query).toMatchObject({ calls: 1, reads: 0.5 });
  });

  it.each([
    [[], 'debug client id'],
    [['a', 'b'], '"b"'],
    [['a', '--minutes', '0'], '--minutes 1 1440 "0"'],
    [['a', '--minutes', '5', '--off'], '--off --minutes'],
    [['a'], '--table'],
  ])('refuses %j', async (args, message) => {
    await expect(run(debugCommand, args).exitCode).rejects.toThrow(naming(message));
  });
});

describe('logLevel debug', () => {
  it('logs every packet, also of refused clients, without reads', async () => {
    const broker = await TestBroker.start({ settings: { logLevel: 'debug' }, access: { anonymous: 'off' } });
    try {
      const client = await broker.open();
      await client.connect('stranger').catch(() => undefined);
      await broker.cloud.settled();

      expect(broker.logged('packet in')).toMatchObject([{ clientId: 'stranger', type: 'connect' }]);
      expect(broker.logged('packet out')).toMatchObject([{ clientId: 'stranger', type: 'connack', returnCode: 5 }]);
      expect((await broker.cloud.bill()).dynamodb.tables.accounts?.Query).toBeUndefined();
    } finally {
      await broker.stop();
    }
  });
});
