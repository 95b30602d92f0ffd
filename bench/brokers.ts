import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Bill } from '../local/bill';
import type { Target } from './load-client';

/** A broker in its own process, so that it does not share a core with the load. */
export interface Broker {
  readonly name: string;
  readonly targets: readonly Target[];
  stop(): Promise<void>;
}

/** Rates of a load test are above the default limits of a client. */
const withoutRateLimits = { MAX_PUBLISH_RATE: '0', MAX_PUBLISH_BYTES: '0', MAX_CONTROL_RATE: '0' };

/** The local cloud with the broker, as `npm start` starts it, without rate limits. */
export interface CirrusBroker extends Broker {
  readonly text: Target;
  readonly tcp: Target;
  bill(): Promise<Bill>;
  resetBill(): Promise<void>;
}

export async function startCirrus(): Promise<CirrusBroker> {
  const ports = ['--port', '0', '--mqtt-port', '0', '--mqtt-ws-port', '0'];
  const { child, line } = await startProcess(['bin/local.ts', ...ports], /^ready /);
  const address = (name: string) => new RegExp(`${name}=(\\S+)`).exec(line)?.[1] ?? '';
  const text: Target = { transport: 'text', url: address('gateway') };
  const tcp: Target = { transport: 'tcp', port: Number(new URL(address('mqtt')).port) };
  const bill = address('bill');
  return {
    name: 'cirrus-mqtt',
    targets: [text, tcp],
    text,
    tcp,
    bill: async () => (await (await fetch(bill)).json()) as Bill,
    resetBill: async () => void (await fetch(bill, { method: 'DELETE' })),
    stop: () => stopProcess(child),
  };
}

/** Aedes with all state in memory, over binary WebSocket: the reference of a broker in a single process. */
export async function startAedes(): Promise<Broker & { readonly websocket: Target }> {
  const { child, line } = await startProcess(['bench/aedes-server.ts'], /^ready /);
  const websocket: Target = { transport: 'websocket', url: line.replace('ready ', '') };
  return { name: 'Aedes', targets: [websocket], websocket, stop: () => stopProcess(child) };
}

async function startProcess(args: string[], ready: RegExp): Promise<{ child: ChildProcess; line: string }> {
  const child = spawn(process.execPath, ['--v8-pool-size=1', '--import', 'tsx', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...withoutRateLimits },
  });
  for await (const line of createInterface({ input: child.stdout! })) {
    if (ready.test(line)) {
      child.stdout?.resume();
      return { child, line };
    }
  }
  throw new Error(`${args[0]} ended before it was ready`);
}

async function stopProcess(child: ChildProcess): Promise<void> {
  child.kill('SIGINT');
  if (child.exitCode === null) await once(child, 'exit');
}
