import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import { queues } from '../../lambdas/deployment';
import { startCloud } from '../../local/cloud';
import { fixtures, Signal, TestCloud, until } from './support';

describe('a cloud with a data folder', () => {
  let data: string;
  beforeEach(() => {
    data = mkdtempSync(join(tmpdir(), 'cirrus-test-'));
  });
  afterEach(() => rmSync(data, { recursive: true, force: true }));

  const item = { TableName: 'cirrus-sessions', Item: { id: { S: 'kept' }, part: { S: 'head' } } };
  const key = { TableName: 'cirrus-sessions', Key: item.Item };

  it('keeps tables, queues, delays and dead letters over a restart, and disconnects the former clients', async () => {
    const first = await TestCloud.start({ data, containers: 1 });
    const client = await first.connect();
    const busy = new Signal();
    client.send(`wait ${busy.file}`);
    await until(() => first.bodies(client.id).length === 1);
    client.send('waiting');
    const timer = { QueueUrl: first.queueUrl('timer'), MessageBody: 'timer' };
    await first.sqs().sendMessage({ ...timer, DelaySeconds: 600 });
    await first.dynamodb().putItem(item);
    await until(async () => (await first.cloud.bill()).gateway.frames === 2);
    await first.cloud.stop();

    busy.give();
    const second = await TestCloud.start({ data, functions: { ...fixtures, onPackets: fixtures.onTimer } });
    await until(() => second.bodies(client.id).length >= 1);
    expect((await second.dynamodb().getItem(key)).Item).toEqual(item.Item);
    expect(second.records(client.id)[0]!.attributes.ApproximateReceiveCount).toBe('2');
    await second.cloud.settled();
    expect(second.bodies(client.id)).toEqual([`wait ${busy.file}`, 'waiting', 'disconnect']);
    expect(second.bodies()).not.toContain('timer');
    second.cloud.clock.jump(600_000);
    await until(() => second.bodies().includes('timer'));
    await second.cloud.stop();

    const third = await TestCloud.start({ data });
    await third.cloud.settled();
    expect(third.batches).toEqual([]);
    await third.cloud.stop();
    busy.remove();
  });

  it('keeps dead letters', async () => {
    const first = await TestCloud.start({ data, visibilitySeconds: 0.01 });
    const client = await first.connect();
    client.send('fail');
    await until(() => first.cloud.deadLetters().length === 1);
    await first.cloud.stop();

    const second = await TestCloud.start({ data });
    expect(second.cloud.deadLetters()).toMatchObject([
      { queue: 'packets', body: 'fail', receives: queues.packets.maxReceives },
    ]);
    await second.cloud.stop();
  });

  it('survives kill -9', async () => {
    const script = `
      const { startCloud } = require('./local/cloud');
      startCloud({ data: ${JSON.stringify(data)}, functions: ${JSON.stringify(fixtures)} })
        .then((cloud) => console.log(cloud.gatewayUrl + ' ' + cloud.endpoints.dynamodb));`;
    const child = spawn(process.execPath, ['--require', 'tsx/cjs', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [gatewayUrl = ''] = String(await new Promise((resolve) => child.stdout.once('data', resolve))).split(' ');
    const socket = new WebSocket(gatewayUrl);
    await new Promise((resolve) => socket.once('open', resolve));
    const echoed = new Promise((resolve) => socket.once('message', resolve));
    socket.send('write killed');
    socket.send('echo done');
    await echoed;
    socket.send('hang');
    socket.send('waiting');
    const pinged = new Promise((resolve) => socket.once('pong', resolve));
    socket.ping();
    await pinged;
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));

    const next = await TestCloud.start({ data });
    await until(() => next.bodies().includes('hang'));
    await next.cloud.faults.kill();
    const written = { TableName: 'cirrus-sessions', Key: { id: { S: 'killed' }, part: { S: 'head' } } };
    expect((await next.dynamodb().getItem(written)).Item).toMatchObject({ steps: { N: '1' } });
    await next.cloud.stop();
    const last = await TestCloud.start({ data });
    await until(() => last.bodies().includes('hang'));
    await last.cloud.stop();
  });

  it('is closed to a second cloud', async () => {
    const first = await TestCloud.start({ data });
    try {
      await expect(startCloud({ data, functions: fixtures })).rejects.toThrow(data);
    } finally {
      await first.cloud.stop();
    }
  });
});
