import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { commandsOf, complaintWithoutBroker, Stage } from './support/stage';

jest.setTimeout(180_000);

describe('application state', () => {
  const [watch = '', one = '', other = '', ...more] = commandsOf('state');
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.open();
  });
  afterAll(() => stage.close());

  it('is DEAD by the will after kill -9, and by the node itself after Ctrl-C', async () => {
    expect(more).toEqual([]);
    const [watcher, first, second] = [stage.type(watch), stage.type(one), stage.type(other)];
    const [, pid] = await first.says(/pump-1 is ALIVE; end it with: kill -9 (\d+)\n/);
    await second.says(/pump-2 is ALIVE/);
    await watcher.says(/ {2}pump-1 ALIVE, pump-2 ALIVE\n/);

    process.kill(Number(pid), 'SIGKILL');
    await watcher.says(/ {2}pump-1 DEAD, pump-2 ALIVE\n/);

    second.killAll('SIGINT');
    await watcher.says(/ {2}pump-1 DEAD, pump-2 DEAD\n/);

    stage.type(one);
    await watcher.says(/ {2}pump-1 ALIVE, pump-2 DEAD\n/);
  });

  it('is known to a watcher that comes later', async () => {
    const node = stage.type(`${one}0`);
    await node.says(/pump-10 is ALIVE/);

    await stage.type(watch).says(/pump-10 ALIVE/);
  });

  it('prints one line if the broker is unreachable', async () => {
    expect(await complaintWithoutBroker(watch)).toMatch(/^1: no connection to .* is "npm start" running\?\n$/);
  });
});
