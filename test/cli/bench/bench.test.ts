import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { LoadCounters } from '../../../cli/bench/load-counters';
import { type LoadPlan, topicsFor } from '../../../cli/bench/load-plan';
import { benchCommand } from '../../../cli/commands/bench';
import { type Adapter, startAdapter } from '../../../clients/adapter';
import { type CommandRun, run } from '../../clients/support/command-runs';
import { TestBroker } from '../../support/test-broker';
import { naming } from '../naming';

describe('bench', () => {
  let broker: TestBroker;
  let adapter: Adapter;
  beforeAll(async () => {
    broker = await TestBroker.start();
    adapter = await startAdapter({ url: broker.cloud.gatewayUrl, listen: { host: '127.0.0.1', port: 0 } });
  });
  afterEach(() => broker.cloud.faults.clear());
  afterAll(async () => {
    await adapter.close();
    await broker.stop();
  });

  /** Waits until a run has printed this text. */
  async function said(running: CommandRun, what: RegExp): Promise<void> {
    while (!what.test(running.stdout().toString())) {
      if (running.isOver()) throw new Error(`it never said ${what}, but ${running.stdout()}`);
      await sleep(10);
    }
  }

  const bench = (line: string) => run(benchCommand, ['-L', broker.cloud.gatewayUrl, ...line.split(' ')]);

  it.each([0, 1, 2])('delivers every message of QoS %i to every subscriber', async (qos) => {
    const running = bench(`--clients 3 --fanout 2 --rate 40 --duration 1 --payload 12 -q ${qos} --json`);

    expect(await running.exitCode).toBe(0);
    expect(JSON.parse(running.stdout().toString())).toMatchObject({
      ...{ sent: 40, acknowledged: 40, expected: 80, received: 80, missing: 0, repeated: 0, lostConnections: 0 },
      latency: { min: expect.any(Number), median: expect.any(Number), p99: expect.any(Number) },
    });
  });

  it('prints rates and latencies every second and at the end', async () => {
    const running = bench('--clients 2 --rate 20 --duration 30 -q 1');
    await said(running, /^[\d.]+\/s sent, [\d.]+\/s received, median [\d.]+ ms, p99 [\d.]+ ms$/m);
    running.interrupt();

    expect(await running.exitCode).toBe(0);
    const ending = running.stdout().toString();
    expect(ending).toContain('\n2 clients, QoS 1, 100 bytes, each message to 1\n');
    expect(ending).toMatch(
      /\nsent {9}(\d+) in [\d.]+ s, .*\nreceived {5}\1 of \1, [\d.]+\/s\nlatency {6}min [\d.]+ ms, /,
    );
    expect(running.stderr()).toMatch(/^.*less than a cent.*\n$/);
  });

  it('prints no cost for the adapter over TCP', async () => {
    const line = `-h 127.0.0.1 -p ${adapter.port} --clients 2 --rate 10 --duration 0.5 --json`;
    const running = run(benchCommand, line.split(' '));

    expect(await running.exitCode).toBe(0);
    expect(JSON.parse(running.stdout().toString())).toMatchObject({ sent: 5, received: 5 });
    expect(JSON.parse(running.stdout().toString()).dollars).toBeUndefined();
    expect(running.stderr()).toBe('');
  });

  it('costs about as much as estimated', async () => {
    await broker.cloud.settled();
    await broker.cloud.resetBill();
    const running = bench('--clients 4 --rate 20 --duration 2 -q 1 --payload 13000 --json'); // too large to share a frame
    await running.exitCode;
    await broker.cloud.settled();
    const bill = await broker.cloud.bill();
    const { dollars } = JSON.parse(running.stdout().toString());

    expect(bill.dollars - bill.lambda.dollars).toBeLessThan(dollars);
    expect(bill.dollars - bill.lambda.dollars).toBeGreaterThan(dollars / 3);
  });

  it('counts missing messages, and ends with 2', async () => {
    // Lets CONNACK and SUBACK pass, and drops everything else.
    const throttled = { fault: 'call', service: 'connections', operation: 'PostToConnection', skip: 2 } as const;
    await broker.cloud.faults.set({ ...throttled, outcome: 'throttle' });
    const running = bench('--clients 1 --rate 10 --duration 1 -q 1 -W 0.2 --json');

    expect(await running.exitCode).toBe(2);
    const { missing, expected, received } = JSON.parse(running.stdout().toString());
    expect({ missing, expected, received }).toEqual({ missing: 10, expected: 10, received: 0 });
  });

  it('reconnects after a lost connection, and counts it', async () => {
    const running = bench('--clients 1 --rate 20 --duration 600 -q 1 -W 0.5');
    await said(running, /median/);
    for (const id of broker.cloud.connections()) broker.cloud.faults.cut(id);
    await said(running, / 1 connections lost\n(.*\n)*.* median /);
    running.interrupt();
    await running.exitCode;

    expect(running.stdout().toString()).toMatch(/\nlost {9}1 connections\n/);
  });

  it('ends early when interrupted, and prints the result', async () => {
    const running = bench('--clients 1 --rate 10 --duration 600 -q 1 --json');
    while (broker.cloud.connections().length === 0) await sleep(2);
    running.interrupt();
    await running.exitCode;

    expect(JSON.parse(running.stdout().toString()).seconds).toBeLessThan(60);
  });

  it('starts no run on AWS without --yes', async () => {
    const line = '-L wss://gateway.invalid/mqtt --clients 100 --rate 1000 --duration 600 -q 1';

    await expect(run(benchCommand, line.split(' ')).exitCode).rejects.toThrow(/^.* about \$7\.\d\d .*--yes$/);
    await expect(run(benchCommand, [...line.split(' '), '--yes']).exitCode).rejects.toThrow(/ENOTFOUND|EAI_AGAIN/);
  });

  it.each([
    ['--clients 0', '--clients 1 10000 "0"'],
    ['--clients 2 --fanout 3', '--fanout 2 "3"'],
    ['--payload 11', '--payload 12 97000 "11"'],
    ['--rate 0', '--rate 1 100000 "0"'],
    ['--duration 0', '--duration 0'],
    ['-t a/+', '-t "a/+"'],
    ['-q 3', '-q 0 2 "3"'],
  ])('refuses %s', async (line, message) => {
    await expect(run(benchCommand, line.split(' ')).exitCode).rejects.toThrow(naming(message));
  });
});

describe('the topics of a client', () => {
  it('are those of --fanout clients, so that each message has --fanout subscribers', () => {
    const plan = { clients: 3, fanout: 2, id: 'id', topic: 'bench' } as LoadPlan;

    expect([0, 1, 2].map((client) => topicsFor(plan, client))).toEqual([
      ['bench/id/2', 'bench/id/0'],
      ['bench/id/0', 'bench/id/1'],
      ['bench/id/1', 'bench/id/2'],
    ]);
  });
});

describe('load counters', () => {
  it('have percentiles of latencies in milliseconds', () => {
    const counters = new LoadCounters();
    for (let latency = 1; latency <= 100; latency++) counters.recordReceived(latency);
    const { min, median, p90, p99, max } = counters.read().latency!;

    expect([min, median, p90, p99, max].map(Math.round)).toEqual([1, 50, 90, 99, 100]);
  });

  it('are zero after a reset', () => {
    const counters = new LoadCounters();
    counters.recordReceived(5);
    counters.reset();

    expect(counters.read()).toMatchObject({ received: 0 });
    expect(counters.read().latency).toBeUndefined();
  });
});
