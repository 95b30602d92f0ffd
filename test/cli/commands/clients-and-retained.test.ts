import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { clientsCommand } from '../../../cli/commands/clients';
import { retainedCommand } from '../../../cli/commands/retained';
import { apiOf } from '../../api/support';
import { run } from '../../clients/support/command-runs';
import { Broker5 } from '../../support/broker5';
import { naming } from '../naming';

let broker: Broker5;
beforeAll(async () => {
  broker = await Broker5.start();
});
afterAll(() => broker.stop());

const local = () => ['--local', `http://127.0.0.1:${broker.cloud.port}`];

async function printed(command: typeof clientsCommand, ...args: string[]): Promise<string> {
  const running = run(command, [...args, ...local()]);
  expect(await running.exitCode).toBe(0);
  return running.stdout().toString();
}

describe('clients', () => {
  it('lists, shows and disconnects', async () => {
    const client = await broker.resume('dash/board', 600, { keepalive: 60 });
    await client.subscribe({ topic: 'home/#', qos: 1 });
    await broker.cloud.settled();

    expect(await printed(clientsCommand, 'list')).toMatch(/^connected \S+ dash\/board \(anonymous\)\n$/);
    expect(await printed(clientsCommand, 'accounts')).toBe('     1 sessions      1 connected  anonymous\n');
    expect(JSON.parse(await printed(clientsCommand, 'accounts', '--json'))).toEqual({
      ...{ kind: 'anonymous', sessions: 1, connected: 1 },
    });
    expect(JSON.parse(await printed(clientsCommand, 'list', '--json'))).toMatchObject({ clientId: 'dash/board' });
    const details = await printed(clientsCommand, 'show', 'dash/board');
    expect(details).toMatch(/^client +dash\/board\nstate +connected since .*\nprotocol +MQTT 5.0\n/);
    expect(details).toMatch(
      /keep-alive +60 s\nsession +outlives the connection by 600 s\nqueued +0\nsubscriptions +home\/# at QoS 1\n$/,
    );
    expect(await printed(clientsCommand, 'disconnect', 'dash/board')).toBe(
      'client "dash/board" is being disconnected\n',
    );
    await client.closed();
    await broker.cloud.settled();
    expect(await printed(clientsCommand, 'list')).toMatch(/^away {6}/);
    expect(await printed(clientsCommand, 'disconnect', 'dash/board', '--remove-session')).toBe(
      'client "dash/board" was not connected\n',
    );
    await broker.cloud.settled();
    expect(await printed(clientsCommand, 'list')).toBe('');
  });

  it.each([
    [['list'], '--api'],
    [['list', '--local', 'http://127.0.0.1:1', '--api', 'http://x'], '--api'],
    [['show', '--api', 'x'], 'needs a client id'],
    [['show', 'a', '--api', 'nowhere'], '"nowhere"'],
    [['drop'], 'list show "drop"'],
  ])('refuses %j', async (args, said) => {
    await expect(run(clientsCommand, args).exitCode).rejects.toThrow(naming(said));
  });

  it('reports an unknown client id', async () => {
    await expect(run(clientsCommand, ['show', 'nobody', ...local()]).exitCode).rejects.toThrow('No client of this id');
  });
});

describe('retained', () => {
  it('lists, prints and deletes', async () => {
    const payload = Buffer.from([0xff, 0, 10]);
    await apiOf(broker.cloud).publish({ topic: 'kept/a b', payload, qos: 1, retain: true });

    expect(await printed(retainedCommand, 'list', '--filter', 'kept/#')).toBe('kept/a b (QoS 1, 3 bytes)\n');
    const got = run(retainedCommand, ['get', 'kept/a b', ...local()]);
    expect(await got.exitCode).toBe(0);
    expect(got.stdout()).toEqual(payload);
    expect(JSON.parse(await printed(retainedCommand, 'get', 'kept/a b', '--json'))).toMatchObject({ payload: '/wAK' });
    expect(await printed(retainedCommand, 'delete', 'kept/a b')).toMatch(/"kept\/a b" deleted/);
    expect(await printed(retainedCommand, 'list')).toBe('');
  });

  it('deletes messages that match a filter only with --yes', async () => {
    const api = apiOf(broker.cloud);
    for (const topic of ['old/1', 'old/2/x', 'new/1']) await api.publish({ topic, payload: 'x', retain: true });
    const sorted = async (...args: string[]) => (await printed(retainedCommand, ...args)).trimEnd().split('\n').sort();

    const said = await sorted('delete', '--filter', 'old/#');
    expect(said).toEqual([expect.stringMatching(naming('2 --yes')), 'old/1', 'old/2/x']);
    expect(await sorted('list')).toHaveLength(3);
    expect(await sorted('delete', '--filter', 'old/#', '--yes')).toEqual([
      expect.stringMatching(naming('2 deleted')),
      'old/1',
      'old/2/x',
    ]);
    expect(await printed(retainedCommand, 'list')).toBe('new/1 (QoS 0, 1 bytes)\n');
  });

  it.each([
    [['delete', 'hello/#'], '"hello/#"'],
    [['get', 'hello/+'], '"hello/+"'],
    [['delete', ''], 'retained delete topic'],
    [['delete', 'a', '--yes'], '--yes --filter'],
    [['delete', 'a', '--filter', 'a'], "unexpected argument 'a'"],
    [['delete', '--filter', 'a#'], '--filter "a#"'],
    [['list', '--filter', '#/a'], '--filter "#/a"'],
  ])('refuses %j', async (args, said) => {
    await expect(run(retainedCommand, [...args, ...local()]).exitCode).rejects.toThrow(naming(said));
  });
});
