import { format } from 'node:util';
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { Context, Handler } from 'aws-lambda';
import { timeOn } from '../clock';
import type { ContainerData, ContainerMessage, Invocation } from './container-messages';
import { replaceHttpRequest } from './container-network';
import { SourcePositions } from './source-positions';

/** Entry point of a container's thread: runs the deployed bundle, and freezes between invocations as Lambda does. */
const { bundle, clock, wake, network } = workerData as ContainerData;
const port = parentPort as MessagePort;
const wakeups = new Int32Array(wake);

function send(message: ContainerMessage): void {
  port.postMessage(message);
}

function followLocalClock(): void {
  const shared = new Float64Array(clock);
  const WallDate = Date;
  class LocalDate extends WallDate {
    constructor(...parts: []) {
      if (parts.length === 0) super(LocalDate.now());
      else super(...parts);
    }
    static override now(): number {
      return timeOn(shared, WallDate.now());
    }
  }
  globalThis.Date = LocalDate as DateConstructor;
}

/**
 * Maps stacks to sources like `process.setSourceMapsEnabled`, which would read the map of the whole bundle at every
 * start.
 */
function nameSourcesInStacks(): void {
  const positions = new SourcePositions(bundle);
  Error.prepareStackTrace = (error, frames) => positions.stackOf(error, frames);
}

/** Sends lines immediately: a frozen thread cannot flush the streams of `console`. */
function forwardConsole(): void {
  const line =
    (level: 'error' | 'info') =>
    (...parts: unknown[]) =>
      send({ kind: 'log', level, text: format(...parts) });
  Object.assign(console, { error: line('error'), warn: line('error') });
  Object.assign(console, { log: line('info'), info: line('info'), debug: line('info'), trace: line('info') });
}

let output: string[] = [];

/**
 * Keeps writes to standard output, which are the metrics at the end of an invocation, and sends them with the result.
 */
function keepStandardOutput(): void {
  process.stdout.write = (text: string | Uint8Array) => {
    output.push(String(text).trimEnd());
    return true;
  };
}

function takeOutput(): readonly string[] {
  const taken = output;
  output = [];
  return taken;
}

/** Blocks the thread until there is an event: timers, sockets and promises stand still meanwhile. */
function nextInvocation(): Invocation {
  for (;;) {
    const seen = Atomics.load(wakeups, 0);
    const received = receiveMessageOnPort(port) as { message: Invocation } | undefined;
    if (received) return received.message;
    Atomics.wait(wakeups, 0, seen);
  }
}

function contextOf({ requestId, functionName, memoryMb, timeoutSeconds }: Invocation): Context {
  const end = performance.now() + timeoutSeconds * 1000; // the local clock may jump meanwhile
  return {
    awsRequestId: requestId,
    functionName,
    functionVersion: '$LATEST',
    invokedFunctionArn: `arn:aws:lambda:us-east-1:000000000000:function:${functionName}`,
    memoryLimitInMB: String(memoryMb),
    logGroupName: `/aws/lambda/${functionName}`,
    logStreamName: 'local',
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => end - performance.now(),
    done: () => {},
    fail: () => {},
    succeed: () => {},
  };
}

async function runOnce(handler: Handler, invocation: Invocation): Promise<void> {
  try {
    const result = await handler(JSON.parse(invocation.event), contextOf(invocation), () => {});
    send({ kind: 'result', result: JSON.stringify(result ?? null), output: takeOutput() });
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    send({ kind: 'error', error: text, output: takeOutput() });
  }
}

async function main(): Promise<never> {
  nameSourcesInStacks();
  followLocalClock();
  forwardConsole();
  keepStandardOutput();
  replaceHttpRequest(network);
  const { handler } = require(bundle) as { handler: Handler };
  send({ kind: 'ready' });
  for (;;) await runOnce(handler, nextInvocation());
}

main();
