import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { redriveCommand } from '../../../cli/commands/redrive';
import { run } from '../../clients/support/command-runs';
import { TestBroker } from '../../support/test-broker';
import { naming } from '../naming';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start({ bridge: { entries: [{ direction: 'out', filter: 'state/#' }] } });
});
afterAll(() => broker.stop());

async function printed(...args: string[]): Promise<string> {
  const running = run(redriveCommand, [...args, '--local', `http://127.0.0.1:${broker.cloud.port}`]);
  expect(await running.exitCode).toBe(0);
  return running.stdout().toString();
}

describe('redrive', () => {
  it('moves dead letters of the local cloud back', async () => {
    expect(await printed('bridge')).toMatch(/^0 /);
    expect(await printed('bridge', '--json')).toBe('{"moved":0}\n');
  });

  it.each([
    [[], 'redrive queue'],
    [['bridge'], '"bridge" --local'],
  ])('refuses %j', async (args, message) => {
    await expect(run(redriveCommand, args).exitCode).rejects.toThrow(naming(message));
  });

  it('names the existing queues', async () => {
    const { exitCode } = run(redriveCommand, ['none', '--local', `http://127.0.0.1:${broker.cloud.port}`]);
    await expect(exitCode).rejects.toThrow(naming('"none" packets fanOut'));
  });
});
