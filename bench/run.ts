import type { QoS } from 'mqtt-packet';
import { type FunctionName, functions } from '../lambdas/deployment';
import { type Bridge, startAedes, startBridge } from './brokers';
import { bundleOf, loadTimes } from './bundles';
import type { Target } from './load-client';
import { microsecondsPerInvocation } from './metrics';
import { MqttJsClient } from './mqttjs-client';
import {
  burst,
  type Connect,
  fanOut,
  latencies,
  oneToOne,
  retain,
  retainedMatches,
  unrelatedSubscriptions,
} from './scenarios';

const rounds = 3;
const seconds = 2;
const inFlight = 32;
/** So long V8 is busy optimising code that it meets for the first time, on a core that the brokers lack. */
const warmUpSeconds = 25;

type Row = Record<string, string | number>;

/** Figures are ratios within one run, counts and units: a bare time says more about the machine than about the broker. */
async function main(): Promise<void> {
  print('what a cold start loads', bundles());
  print('the metrics of one invocation', [microsecondsPerInvocation()]);
  const bridge = await startBridge();
  const aedes = await startAedes();
  try {
    print('one to one, 128 bytes, 32 in flight (messages/s)', await throughput(bridge, aedes.websocket));
    const withMqttJs = await throughput(bridge, aedes.websocket, MqttJsClient.connect);
    print('the same with MQTT.js on both sides (messages/s)', withMqttJs);
    print('one at a time (milliseconds from publish to delivery)', await delays(bridge, aedes.websocket));
    print('what a thousand messages cost on AWS (dollars, one to one)', await costs(bridge));
    print('fan-out to 100 subscribers (deliveries/s)', await audiences(bridge, aedes.websocket));
    print('a burst of 1,000 QoS 0 messages', [await bursts(bridge)]);
    print('retained messages: read units per match among 5,000 topics', await retained(bridge));
    print('publish latency with 10,000 unrelated subscriptions', [await unrelated(bridge)]);
  } finally {
    await Promise.all([bridge.stop(), aedes.stop()]);
  }
}

/** On Lambda, loading takes longer by as much as a function has less than a processor: 1,769 MB are one. */
function bundles(): Row[] {
  return (Object.keys(functions) as FunctionName[]).map((name) => {
    const bundle = bundleOf(name);
    const times = loadTimes(bundle, 9);
    return {
      function: name,
      'KB minified': Math.round(bundle.code.length / 1000),
      'ms to load': median(times).toFixed(1),
    };
  });
}

/** The brokers take turns, so that a change in the machine's mood meets all of them; medians count. */
async function throughput(bridge: Bridge, aedes: Target, connect?: Connect): Promise<Row[]> {
  const rows: Row[] = [];
  const warmUp = { inFlight, seconds: warmUpSeconds, connect };
  for (const target of [aedes, bridge.text, bridge.tcp]) await oneToOne(target, 0, warmUp);
  const flow = { inFlight, seconds, connect };
  for (const qos of [0, 1, 2] as const) {
    const rates = { aedes: [] as number[], text: [] as number[], tcp: [] as number[] };
    for (let round = 0; round < rounds; round++) {
      rates.aedes.push(await oneToOne(aedes, qos, flow));
      rates.text.push(await oneToOne(bridge.text, qos, flow));
      rates.tcp.push(await oneToOne(bridge.tcp, qos, flow));
    }
    const [reference, text, tcp] = [median(rates.aedes), median(rates.text), median(rates.tcp)];
    rows.push({
      QoS: qos,
      'Aedes WebSocket': Math.round(reference),
      'text frames': Math.round(text),
      'TCP adapter': Math.round(tcp),
      'text / Aedes': ratio(text, reference),
      'TCP / Aedes': ratio(tcp, reference),
    });
  }
  return rows;
}

async function delays(bridge: Bridge, aedes: Target): Promise<Row[]> {
  const rows: Row[] = [];
  for (const qos of [0, 1, 2] as const) {
    const times = [
      await latencies(aedes, qos, 200),
      await latencies(bridge.text, qos, 200),
      await latencies(bridge.tcp, qos, 200),
    ];
    const [reference, text, tcp] = times.map(median) as [number, number, number];
    rows.push({
      QoS: qos,
      'Aedes WebSocket': reference.toFixed(2),
      'text frames': text.toFixed(2),
      'TCP adapter': tcp.toFixed(2),
      'text p99': percentile(times[1] ?? [], 0.99).toFixed(2),
      'text / Aedes': ratio(text, reference),
    });
  }
  return rows;
}

async function costs(bridge: Bridge): Promise<Row[]> {
  const rows: Row[] = [];
  for (const qos of [0, 1, 2] as const) {
    const single = await billOf(bridge, () => latencies(bridge.text, qos, 200).then(() => 220));
    const batched = await billOf(bridge, () =>
      oneToOne(bridge.text, qos, { inFlight, seconds }).then((rate) => rate * (seconds + 1)),
    );
    rows.push({ QoS: qos, 'one per frame': single, '32 in flight': batched });
  }
  return rows;
}

async function billOf(bridge: Bridge, work: () => Promise<number>): Promise<string> {
  await bridge.resetBill();
  const messages = await work();
  return ((1000 * (await bridge.bill()).dollars) / messages).toFixed(5);
}

async function audiences(bridge: Bridge, aedes: Target): Promise<Row[]> {
  const rows: Row[] = [];
  for (const qos of [0, 1] as QoS[]) {
    const reference = await fanOut(aedes, qos, 100, 50);
    const text = await fanOut(bridge.text, qos, 100, 50);
    rows.push({
      QoS: qos,
      'Aedes WebSocket': Math.round(reference),
      'text frames': Math.round(text),
      ratio: ratio(text, reference),
    });
  }
  return rows;
}

async function bursts(bridge: Bridge): Promise<Row> {
  await burst(bridge.tcp, 1000);
  await bridge.resetBill();
  await burst(bridge.tcp, 1000);
  const { gateway, lambda, dynamodb } = await bridge.bill();
  return {
    'billed gateway messages': gateway.messagesIn + gateway.messagesOut,
    invocations: lambda.invocations,
    'read units': dynamodb.reads,
    'write units': dynamodb.writes,
  };
}

/** 5,000 topics: 20 sites with 50 devices and 5 readings each. */
async function retained(bridge: Bridge): Promise<Row[]> {
  const topics = Array.from(
    { length: 5000 },
    (_, n) => `site${n % 20}/device${Math.floor(n / 20) % 50}/reading${Math.floor(n / 1000)}`,
  );
  await retain(bridge.tcp, [...topics, 'a/b', 'a/x', 'a/y/c', 'b/x']);
  const rows: Row[] = [];
  for (const filter of ['a/b', 'a/#', 'a/+/c', '+/x', 'site7/#', 'site7/+/reading2', '+/+/reading2', '#']) {
    await bridge.resetBill();
    const matches = await retainedMatches(bridge.tcp, filter);
    const { reads = 0 } = sum(Object.values((await bridge.bill()).dynamodb.tables.retained ?? {}));
    rows.push({ filter, matches, 'read units': reads, 'units per match': ratio(reads, matches) });
  }
  return rows;
}

async function unrelated(bridge: Bridge): Promise<Row> {
  const before = median(await latencies(bridge.tcp, 0, 400));
  const client = await unrelatedSubscriptions(bridge.tcp, 10_000);
  const after = median(await latencies(bridge.tcp, 0, 400));
  client.end();
  return { none: before.toFixed(2), '10,000': after.toFixed(2), ratio: ratio(after, before) };
}

function sum(operations: { reads: number }[]): { reads: number } {
  return { reads: operations.reduce((total, { reads }) => total + reads, 0) };
}

function median(values: readonly number[]): number {
  return percentile(
    [...values].sort((a, b) => a - b),
    0.5,
  );
}

function percentile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

function ratio(one: number, other: number): string {
  return (one / other).toFixed(2);
}

function print(title: string, rows: Row[]): void {
  console.log(`\n${title}`);
  console.table(rows);
}

void main();
