import type { QoS } from 'mqtt-packet';
import { type FunctionName, functions } from '../lambdas/deployment';
import { type CirrusBroker, startAedes, startCirrus } from './brokers';
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
/** During this time V8 optimizes new code, on a core that the brokers then lack. */
const warmUpSeconds = 25;

type Row = Record<string, string | number>;

/** Prints ratios within one run, counts and units: absolute times depend on the machine. */
async function main(): Promise<void> {
  print('bundles that a cold start loads', bundles());
  print('the metrics of one invocation', [microsecondsPerInvocation()]);
  const cirrus = await startCirrus();
  const aedes = await startAedes();
  try {
    print('one to one, 128 bytes, 32 in flight (messages/s)', await throughput(cirrus, aedes.websocket));
    const withMqttJs = await throughput(cirrus, aedes.websocket, MqttJsClient.connect);
    print('the same with MQTT.js on both sides (messages/s)', withMqttJs);
    print('one at a time (milliseconds from publish to delivery)', await delays(cirrus, aedes.websocket));
    print('cost of 1,000 messages on AWS (dollars, one to one)', await costs(cirrus));
    print('fan-out to 100 subscribers (deliveries/s)', await fanOuts(cirrus, aedes.websocket));
    print('a burst of 1,000 QoS 0 messages', [await bursts(cirrus)]);
    print('retained messages: read units per match among 5,000 topics', await retained(cirrus));
    print('publish latency with 10,000 unrelated subscriptions', [await unrelated(cirrus)]);
  } finally {
    await Promise.all([cirrus.stop(), aedes.stop()]);
  }
}

/** On Lambda loading takes longer, in proportion to the memory: a function of 1,769 MB has one vCPU. */
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

/** The brokers take turns, so that changes of the machine's speed affect all of them. The result is the median. */
async function throughput(cirrus: CirrusBroker, aedes: Target, connect?: Connect): Promise<Row[]> {
  const rows: Row[] = [];
  const warmUp = { inFlight, seconds: warmUpSeconds, connect };
  for (const target of [aedes, cirrus.text, cirrus.tcp]) await oneToOne(target, 0, warmUp);
  const flow = { inFlight, seconds, connect };
  for (const qos of [0, 1, 2] as const) {
    const rates = { aedes: [] as number[], text: [] as number[], tcp: [] as number[] };
    for (let round = 0; round < rounds; round++) {
      rates.aedes.push(await oneToOne(aedes, qos, flow));
      rates.text.push(await oneToOne(cirrus.text, qos, flow));
      rates.tcp.push(await oneToOne(cirrus.tcp, qos, flow));
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

async function delays(cirrus: CirrusBroker, aedes: Target): Promise<Row[]> {
  const rows: Row[] = [];
  for (const qos of [0, 1, 2] as const) {
    const times = [
      await latencies(aedes, qos, 200),
      await latencies(cirrus.text, qos, 200),
      await latencies(cirrus.tcp, qos, 200),
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

async function costs(cirrus: CirrusBroker): Promise<Row[]> {
  const rows: Row[] = [];
  for (const qos of [0, 1, 2] as const) {
    const single = await billOf(cirrus, () => latencies(cirrus.text, qos, 200).then(() => 220));
    const batched = await billOf(cirrus, () =>
      oneToOne(cirrus.text, qos, { inFlight, seconds }).then((rate) => rate * (seconds + 1)),
    );
    rows.push({ QoS: qos, 'one per frame': single, '32 in flight': batched });
  }
  return rows;
}

async function billOf(cirrus: CirrusBroker, work: () => Promise<number>): Promise<string> {
  await cirrus.resetBill();
  const messages = await work();
  return ((1000 * (await cirrus.bill()).dollars) / messages).toFixed(5);
}

async function fanOuts(cirrus: CirrusBroker, aedes: Target): Promise<Row[]> {
  const rows: Row[] = [];
  const size = { subscribers: 100, messages: 50 };
  for (const qos of [0, 1] as QoS[]) {
    const reference = await fanOut(aedes, qos, size);
    const text = await fanOut(cirrus.text, qos, size);
    rows.push({
      QoS: qos,
      'Aedes WebSocket': Math.round(reference),
      'text frames': Math.round(text),
      ratio: ratio(text, reference),
    });
  }
  return rows;
}

async function bursts(cirrus: CirrusBroker): Promise<Row> {
  await burst(cirrus.tcp, 1000);
  await cirrus.resetBill();
  await burst(cirrus.tcp, 1000);
  const { gateway, lambda, dynamodb } = await cirrus.bill();
  return {
    'billed gateway messages': gateway.messagesIn + gateway.messagesOut,
    invocations: lambda.invocations,
    'read units': dynamodb.reads,
    'write units': dynamodb.writes,
  };
}

/** 5,000 topics: 20 sites with 50 devices and 5 readings each. */
async function retained(cirrus: CirrusBroker): Promise<Row[]> {
  const topics = Array.from(
    { length: 5000 },
    (_, n) => `site${n % 20}/device${Math.floor(n / 20) % 50}/reading${Math.floor(n / 1000)}`,
  );
  await retain(cirrus.tcp, [...topics, 'a/b', 'a/x', 'a/y/c', 'b/x']);
  const rows: Row[] = [];
  for (const filter of ['a/b', 'a/#', 'a/+/c', '+/x', 'site7/#', 'site7/+/reading2', '+/+/reading2', '#']) {
    await cirrus.resetBill();
    const matches = await retainedMatches(cirrus.tcp, filter);
    const { reads = 0 } = sum(Object.values((await cirrus.bill()).dynamodb.tables.retained ?? {}));
    rows.push({ filter, matches, 'read units': reads, 'units per match': ratio(reads, matches) });
  }
  return rows;
}

async function unrelated(cirrus: CirrusBroker): Promise<Row> {
  const before = median(await latencies(cirrus.tcp, 0, 400));
  const client = await unrelatedSubscriptions(cirrus.tcp, 10_000);
  const after = median(await latencies(cirrus.tcp, 0, 400));
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
