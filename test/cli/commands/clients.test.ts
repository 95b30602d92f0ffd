import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { clientsCommand } from '../../../cli/commands/clients';
import { run } from '../../clients/support/command-runs';
import { Broker5 } from '../../support/broker5';
import { naming } from '../naming';

let broker: Broker5;
beforeAll(async () => {
  broker = await Broker5.start();
});
afterAll(() => broker.stop());

const local = () => ['--local', `http://127.0.0.1:${broker.cloud.port}`];

async function printed(...args: string[]): Promise<string> {
  const running = run(clientsCommand, [...args, ...local()]);
  expect(await running.exitCode).toBe(0);
  return running.stdout().toString();
}

describe('clients', () => {
  it('lists, shows and disconnects', async () => {
    const client = await broker.resume('dash/board', 600, { keepalive: 60 });
    await client.subscribe({ topic: 'home/#', qos: 1 });
    await broker.cloud.settled();

    expect(await printed('list')).toMatch(/^connected \S+ dash\/board \(anonymous\)\n$/);
    expect(await printed('accounts')).toBe('     1 sessions      1 connected  anonymous\n');
    expect(JSON.parse(await printed('accounts', '--json'))).toEqual({
      ...{ kind: 'anonymous', sessions: 1, connected: 1 },
    });
    expect(JSON.parse(await printed('list', '--json'))).toMatchObject({ clientId: 'dash/board' });
    const details = await printed('show', 'dash/board');
    expect(details).toMatch(/^client +dash\/board\nstate +connected since .*\nprotocol +MQTT 5.0\n/);
    expect(details).toMatch(
      /keep-alive +60 s\nsession +outlives the connection by 600 s\nqueued +0\nsubscriptions +home\/# at QoS 1\n$/,
    );
    expect(await printed('disconnect', 'dash/board')).toBe('client "dash/board" is being disconnected\n');
    await client.closed();
    await broker.cloud.settled();
    expect(await printed('list')).toMatch(/^away {6}/);
    expect(await printed('disconnect', 'dash/board', '--remove-session')).toBe(
      'client "dash/board" was not connected\n',
    );
    await broker.cloud.settled();
    expect(await printed('list')).toBe('');
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
