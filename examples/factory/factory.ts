import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { brokerUrl, connectToBroker, exitWith } from '../connect';
import { serveDashboard } from './dashboard-server';
import { machines } from './machines';

const usage = 'npx tsx examples/factory/factory.ts [--port 8088] [--host 127.0.0.1] [--fail-every SECONDS]';
const repairMs = 6_000;
const startedAt = Date.now();
const running = new Map<string, ChildProcess>();

function start(machine: string): void {
  const child = fork(join(__dirname, 'machine.ts'), [machine, String(startedAt)]);
  running.set(machine, child);
  console.log(`${machine} runs as process ${child.pid}`);
  child.once('exit', async (_code, signal) => {
    console.log(`${machine} has died${signal ? ` of ${signal}` : ''}; it is started again in ${repairMs / 1_000} s`);
    await sleep(repairMs);
    start(machine);
  });
}

/** Simulates failures, machine by machine: alternately cuts the connection of a sensor and kills a whole machine. */
async function failEvery(seconds: number): Promise<void> {
  const names = Object.keys(machines);
  for (let count = 0; ; count++) {
    await sleep(seconds * 1_000);
    const machine = names[count % names.length]!;
    const child = running.get(machine)!;
    if (count % 2 === 1) child.kill('SIGKILL');
    else if (child.connected) cut(machine, child);
  }
}

function cut(machine: string, child: ChildProcess): void {
  const sensor = machines[machine]!.at(-1)!.name;
  console.log(`the connection of ${machine}/${sensor} is cut`);
  child.send(sensor);
}

function readArguments() {
  try {
    const { values } = parseArgs({
      options: {
        port: { type: 'string', default: '8088' },
        host: { type: 'string', default: '127.0.0.1' },
        'fail-every': { type: 'string', default: '15' },
      },
    });
    return {
      host: values.host,
      port: wholeNumber('--port', values.port, 65_535),
      failEverySeconds: wholeNumber('--fail-every', values['fail-every'], 86_400),
    };
  } catch (error) {
    return exitWith(`${(error as Error).message}\nusage: ${usage}`);
  }
}

function wholeNumber(flag: string, value: string, most: number): number {
  if (/^\d+$/.test(value) && Number(value) <= most) return Number(value);
  throw new Error(`${flag} is "${value}", but must be a whole number from 0 to ${most}`);
}

async function main(): Promise<void> {
  const { host, port, failEverySeconds } = readArguments();
  const probe = connectToBroker({});
  await new Promise((resolve) => probe.once('connect', resolve));
  await probe.endAsync();
  console.log(`dashboard: ${await serveDashboard({ host, port, brokerUrl })}`);
  for (const machine of Object.keys(machines)) start(machine);
  if (failEverySeconds > 0) await failEvery(failEverySeconds);
}

main().catch((error: NodeJS.ErrnoException & { port?: number }) => {
  if (error.code === 'EADDRINUSE') exitWith(`port ${error.port} is taken; choose another with --port`);
  throw error;
});
