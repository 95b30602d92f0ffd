import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { wordsOf } from '../support/markdown';
import { commandsOf, complaintWithoutBroker, Run, Stage } from './support/stage';

jest.setTimeout(180_000);

describe('the backend', () => {
  const [device = '', send = '', clients = '', ...others] = commandsOf('backend');
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.open();
  });
  afterAll(() => stage.close());

  it('commands a device, also one that is away, and lists who is there', async () => {
    expect(others).toEqual([]);
    const lamp = stage.type(device);
    await lamp.says(/lamp-7 waits for commands\n/);

    await stage.type(send).says(/^sent "on" to lamp-7\n$/);
    await lamp.says(/command: on\n/);
    await stage.type(clients).says(/^lamp-7 {2}connected since \S+\n1 clients\n$/);

    lamp.killAll('SIGINT');
    await lamp.status;
    await stage.cloud.settled();
    await stage.type(send.replace(/on$/, 'off')).says(/^sent "off" to lamp-7\n$/);
    await stage.type(device).says(/command: off\n/);
  });

  it('reports that a device has no subscription', async () => {
    await stage.type(send.replace('lamp-7', 'lamp-8')).says(/^lamp-8 has no subscription for commands\n$/);
  });

  it('prints one line if the broker is unreachable', async () => {
    expect(await complaintWithoutBroker(send)).toBe(
      '1: no answer from http://127.0.0.1:9/api: is "npm start" running?\n',
    );
  });

  it('complains in a line about an address that is none', async () => {
    const run = new Run(wordsOf(clients), { API_URL: 'broker' });

    expect(await run.status).toBe(1);
    expect(run.errors).toContain('API_URL is "broker", but must be an address that begins with http:// or https://\n');
  });
});
