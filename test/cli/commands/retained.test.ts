import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
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

async function printed(...args: string[]): Promise<string> {
  const running = run(retainedCommand, [...args, ...local()]);
  expect(await running.exitCode).toBe(0);
  return running.stdout().toString();
}

describe('retained', () => {
  it('lists, prints and deletes', async () => {
    const payload = Buffer.from([0xff, 0, 10]);
    await apiOf(broker.cloud).publish({ topic: 'kept/a b', payload, qos: 1, retain: true });

    expect(await printed('list', '--filter', 'kept/#')).toBe('kept/a b (QoS 1, 3 bytes)\n');
    const got = run(retainedCommand, ['get', 'kept/a b', ...local()]);
    expect(await got.exitCode).toBe(0);
    expect(got.stdout()).toEqual(payload);
    expect(JSON.parse(await printed('get', 'kept/a b', '--json'))).toMatchObject({ payload: '/wAK' });
    expect(await printed('delete', 'kept/a b')).toMatch(/"kept\/a b" deleted/);
    expect(await printed('list')).toBe('');
  });

  it('deletes messages that match a filter only with --yes', async () => {
    const api = apiOf(broker.cloud);
    for (const topic of ['old/1', 'old/2/x', 'new/1']) await api.publish({ topic, payload: 'x', retain: true });
    const sorted = async (...args: string[]) => (await printed(...args)).trimEnd().split('\n').sort();

    const said = await sorted('delete', '--filter', 'old/#');
    expect(said).toEqual([expect.stringMatching(naming('2 --yes')), 'old/1', 'old/2/x']);
    expect(await sorted('list')).toHaveLength(3);
    expect(await sorted('delete', '--filter', 'old/#', '--yes')).toEqual([
      expect.stringMatching(naming('2 deleted')),
      'old/1',
      'old/2/x',
    ]);
    expect(await printed('list')).toBe('new/1 (QoS 0, 1 bytes)\n');
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
