import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { CloudOptions } from '../../local/cloud-options';
import { fixtures, TestCloud, until } from './support';

describe('the containers', () => {
  let test: TestCloud;
  const start = async (options?: CloudOptions) => {
    test = await TestCloud.start(options);
    return test.connect();
  };
  afterEach(() => test.cloud.stop());

  it('see the environment of their function, and the local clock', async () => {
    const client = await start({ settings: { queueLimit: 7 }, environment: { EXTRA: 'yes' } });

    expect(JSON.parse(await client.ask('environment'))).toMatchObject({
      SESSIONS_TABLE: 'cirrus-sessions',
      TOPIC_INDEX_TABLE: 'cirrus-topicIndex',
      PACKETS_QUEUE_URL: test.queueUrl('packets'),
      FAN_OUT_QUEUE_URL: test.queueUrl('fanOut'),
      TIMER_QUEUE_URL: test.queueUrl('timer'),
      CALLBACK_URL: test.cloud.callbackUrl,
      QUEUE_LIMIT: '7',
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'local0onPackets1',
      EXTRA: 'yes',
    });
    test.cloud.clock.jump(300_000);
    const { date } = JSON.parse(await client.ask('report'));
    expect(date - Date.now()).toBeGreaterThan(290_000);
    expect(JSON.parse(await client.ask('context'))).toMatchObject({
      functionName: 'onPackets',
      memoryLimitInMB: '1024',
    });
  });

  it('stand still with the clock when it is held, and only its jumps count', async () => {
    const client = await start();
    test.cloud.clock.hold();
    const now = test.cloud.clock.now();
    await sleep(20);
    const { date } = JSON.parse(await client.ask('report'));
    let rang = false;
    test.cloud.clock.after(10, () => {
      rang = true;
    });
    await sleep(30);

    expect([date, test.cloud.clock.now(), rang]).toEqual([now, now, false]);
    test.cloud.clock.jump(10);
    await until(() => rang);
    expect(JSON.parse(await client.ask('report')).date).toBe(now + 10);
  });

  it('keep their modules, and stand still between invocations', async () => {
    const client = await start({ containers: 1 });
    await client.ask('report');
    client.send('float');
    await test.cloud.settled();
    await sleep(100);

    const report = JSON.parse(await client.ask('report'));
    expect(report).toMatchObject({ invocations: 3, floating: 'started' });
  });

  it('work side by side, as many as allowed, with a key each', async () => {
    const first = await start({ containers: 2 });
    const second = await test.connect();
    await first.ask('report');
    first.send('hang');
    await until(() => test.bodies(first.id).length === 2);

    expect(JSON.parse(await second.ask('report')).key).toBe('local0onPackets2');
    await until(async () => (await test.cloud.bill()).lambda.functions.onPackets.invocations === 2);
    expect((await test.cloud.bill()).lambda.functions.onPackets.coldStarts).toBe(2);
  });

  it('end at the timeout of their function, and the batch comes again', async () => {
    const functions = { ...fixtures, onPackets: { ...fixtures.onPackets, timeoutSeconds: 0.5 } };
    const client = await start({ functions, visibilitySeconds: 0.6, containers: 1 });
    client.send('hang');
    await until(() => test.bodies(client.id).filter((body) => body === 'hang').length === 2);

    expect(test.errors.join()).toContain('timed out after 0.5 seconds');
    const { errors, coldStarts } = (await test.cloud.bill()).lambda.functions.onPackets;
    expect(errors).toBeGreaterThanOrEqual(1);
    expect(coldStarts).toBe(errors);
  });

  it('end when nothing is left to wait for, and the batch comes again', async () => {
    const client = await start({ visibilitySeconds: 0.1 });
    client.send('forget');
    await until(() => test.bodies(client.id).filter((body) => body === 'forget').length === 2);

    expect(test.errors.join()).toContain('ended before it answered');
  });

  it('end with an error outside of the handler, and the batch comes again', async () => {
    const client = await start({ visibilitySeconds: 0.1 });
    client.send('crash');
    await until(() => test.bodies(client.id).filter((body) => body === 'crash').length === 2);

    expect(test.errors.join()).toContain('crashed by the fixture');
  });

  it('reach the endpoints of the local cloud by messages', async () => {
    expect(await (await start()).ask('way')).toBe('messages');
  });

  it.each(['return', 'throw'])('show what they wrote to standard output, when they %s', async (outcome) => {
    const lines: string[] = [];
    const client = await start({ verbose: true, log: (line) => lines.push(line) });
    client.send(`print ${outcome}`);
    await until(() => lines.some((line) => line.includes('printed by the fixture')));
    if (outcome === 'throw') expect(lines.join('\n')).toMatch(/printed by the fixture.*thrown after it/s);
  });

  it('name the source line in the stack of an error', async () => {
    const client = await start({ visibilitySeconds: 0.1 });
    client.send('throw');
    await until(() => test.errors.length > 0);

    expect(test.errors[0]).toMatch(
      /^onPackets: Error: thrown by the fixture\n.*test\/local\/fixtures\/on-batch\.ts:\d+/,
    );
  });

  it('are recycled after so many invocations, and after idle minutes', async () => {
    const client = await start({ recycleInvocations: 2, recycleIdleMinutes: 5, containers: 1 });
    const keys = [];
    for (let round = 0; round < 3; round += 1) keys.push(JSON.parse(await client.ask('report')).key);
    await test.cloud.settled();
    test.cloud.clock.jump(5 * 60_000);
    await sleep(20);
    keys.push(JSON.parse(await client.ask('report')).key);

    expect(keys).toEqual(['local0onPackets1', 'local0onPackets1', 'local0onPackets2', 'local0onPackets3']);
  });
});

describe('the schedule', () => {
  it('runs every minute of the local clock, and immediately on request', async () => {
    const test = await TestCloud.start();
    try {
      await test.cloud.runSchedule();
      expect(test.schedules).toHaveLength(1);

      test.cloud.clock.jump(60_000);
      await until(() => test.schedules.length === 2);
      const headers = { 'x-cirrus-control': '1' };
      await fetch(test.cloud.billUrl.replace('bill', 'schedule'), { method: 'POST', headers });
      expect(test.schedules).toHaveLength(3);
      expect((await test.cloud.bill()).scheduler.invocations).toBe(3);
    } finally {
      await test.cloud.stop();
    }
  });
});
