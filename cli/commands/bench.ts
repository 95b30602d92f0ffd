import { randomBytes } from 'node:crypto';
import type { Counts } from '../bench/load-counters';
import { Load } from '../bench/load-generator';
import type { Plan } from '../bench/load-plan';
import { stampBytes } from '../bench/payload-stamp';
import { answeredNo, type Command, type Flags, type Terminal, UsageError } from '../command';
import { connectionFlags, connectionOf, qosOf } from '../connection-flags';
import { inDollars } from '../format-dollars';
import { milliseconds, type ParsedValues, parseOptions, topicName, wholeNumber } from '../parse-options';
import { runDollars } from '../pricing/run-bill';
import { progressOn } from '../progress';

const help = `usage: cirrus-mqtt bench -L wss://... --yes [options]

Puts load on a broker: each client publishes to a topic of its own, and --fanout says how many get each message.
Tells rates and latencies every second and in the end. What a run costs on AWS is told before; against a wss:// address
it starts only with --yes. Ends with 2 when messages of QoS 1 or 2 are missing.

  --clients N      connections, from 1 to 10000; 10
  --rate N         messages a second, of all clients together, from 1 to 100000; 10
  --duration S     seconds; 10
  --payload B      bytes of a message, from ${stampBytes} to 97000; 100
  --fanout F       clients that get each message, from 0 to 100 and at most all of them; 1
  -q, --qos        0, 1 or 2; 0
  -W, --timeout S  how long the last messages may take; 15 seconds
  -t, --topic      where the clients may publish and subscribe, below it; cirrus/bench
  --yes            yes, it may cost that
  --json           the result as JSON

where to connect:
  -L, --url        wss://... of the gateway, or mqtt(s)://[user:password@]host[:port]
  -h, --host       a plain MQTT broker, the adapter for one; localhost
  -p, --port       its port; 1883, or 8083 with --ws
  --ws             binary MQTT over WebSocket at /mqtt of -h and -p

as whom:
  -i, --id         beginning of the client ids; random
  -u, --username   with -P, --pw
  --token-file     brings the token in it to each handshake with the gateway
  -k, --keepalive  seconds; 540
  -V, --protocol-version  31, 311 or 5; 311
`;

const { url, host, port, ws, id, username, pw, keepalive, qos } = connectionFlags;

const flags = {
  clients: { type: 'string' },
  rate: { type: 'string' },
  duration: { type: 'string' },
  payload: { type: 'string' },
  fanout: { type: 'string' },
  timeout: { type: 'string', short: 'W' },
  topic: { type: 'string', short: 't' },
  yes: { type: 'boolean' },
  json: { type: 'boolean' },
  ...{ url, host, port, ws, id, username, pw, keepalive, qos },
  'token-file': connectionFlags['token-file'],
  'protocol-version': connectionFlags['protocol-version'],
} as const satisfies Flags;

type Values = ParsedValues<typeof flags>;

/** What a run gave. */
interface Result extends Counts {
  readonly expected: number;
  readonly missing: number;
  readonly sentPerSecond: number;
  readonly receivedPerSecond: number;
  /** What it costs on AWS; absent where that has no meaning. */
  readonly dollars?: number;
}

/** `cirrus-mqtt bench`: rates and latencies under load. */
export const benchCommand: Command = {
  help,
  flags,
  exits: { [answeredNo]: 'messages of QoS 1 or 2 are missing' },
  async run(args, terminal) {
    const { values } = parseOptions(args, flags);
    const plan = planOf(values);
    const dollars = plan.url.startsWith('ws') && !values.ws ? dollarsOf(plan) : undefined;
    if (dollars !== undefined) warn(plan, dollars, values, terminal);
    const result = { ...(await runPlan(plan, values, terminal)), ...(dollars !== undefined && { dollars }) };
    terminal.stdout.write(values.json ? `${JSON.stringify(result, undefined, 2)}\n` : describe(plan, result));
    return result.missing > 0 && plan.qos > 0 ? answeredNo : 0;
  },
};

function planOf(values: Values): Plan {
  const { url, options, topic: topicOfAddress } = connectionOf({ ...values, keepalive: values.keepalive ?? '540' });
  const topic = values.topic ?? topicOfAddress ?? 'cirrus/bench';
  topicName('-t', topic);
  const clients = wholeNumber('--clients', values.clients ?? '10', 1, 10_000);
  const fanout = wholeNumber('--fanout', values.fanout ?? '1', 0, 100);
  if (fanout > clients)
    throw new UsageError(`--fanout takes at most the number of clients, ${clients}, not "${fanout}"`);
  const seconds = milliseconds('--duration', values.duration ?? '10') / 1_000;
  if (seconds === 0) throw new UsageError('--duration takes more than 0 seconds');
  return {
    ...{ url, options, clients, fanout, seconds, topic },
    rate: wholeNumber('--rate', values.rate ?? '10', 1, 100_000),
    qos: qosOf('-q', values.qos),
    payload: wholeNumber('--payload', values.payload ?? '100', stampBytes, 97_000),
    patienceMs: milliseconds('-W', values.timeout ?? '15'),
    id: values.id ?? `bench-${randomBytes(4).toString('hex')}`,
  };
}

/** At most: messages that share a frame cost less. */
function dollarsOf({ payload, qos, fanout, rate, seconds, clients }: Plan): number {
  const messages = Math.ceil(rate * seconds);
  return runDollars({ load: { payload, qos, fanout }, messages, pings: 0, connections: clients, seconds });
}

function warn({ url }: Plan, dollars: number, { yes }: Values, { stderr }: Terminal): void {
  const isOnAws = url.startsWith('wss:');
  if (isOnAws && !yes) {
    throw new UsageError(`this run costs ${inDollars(dollars)} on AWS, before free tiers; --yes starts it`);
  }
  stderr.write(`on AWS this run costs ${inDollars(dollars)}, before free tiers\n`);
}

async function runPlan(plan: Plan, { json }: Values, terminal: Terminal): Promise<Result> {
  const progress = progressOn(terminal.stderr);
  const load = await Load.connect(plan, (connected) => progress.show(`${connected}/${plan.clients} connected`));
  const timer = setInterval(() => {
    const line = lineOf(load.recent.read());
    load.recent.reset();
    if (json) progress.show(line);
    else terminal.stdout.write(`${line}\n`);
  }, 1_000);
  progress.clear();
  try {
    const counts = await load.run(terminal.interrupted);
    return resultOf(counts, load.expected);
  } finally {
    clearInterval(timer);
    progress.clear();
    await load.end();
  }
}

function resultOf(counts: Counts, expected: number): Result {
  const { seconds, sent, received } = counts;
  const missing = Math.max(0, expected - received);
  return { ...counts, expected, missing, sentPerSecond: sent / seconds, receivedPerSecond: received / seconds };
}

function lineOf({ seconds, sent, received, latency, lostConnections }: Counts): string {
  const rates = `${perSecond(sent / seconds)} sent, ${perSecond(received / seconds)} received`;
  const times = latency ? `, median ${inMs(latency.median)}, p99 ${inMs(latency.p99)}` : '';
  return `${rates}${times}${lostConnections > 0 ? `, ${lostConnections} connections lost` : ''}`;
}

function describe({ clients, qos, payload, fanout, rate }: Plan, result: Result): string {
  const { seconds, sent, received, expected, missing, repeated, lostConnections, latency } = result;
  const times =
    latency &&
    (['min', 'median', 'p90', 'p99', 'max'] as const).map((name) => `${name} ${inMs(latency[name])}`).join(', ');
  const isSlow = result.sentPerSecond < 0.95 * rate;
  return [
    '',
    `${clients} clients, QoS ${qos}, ${payload} bytes, each message to ${fanout}`,
    `sent         ${sent} in ${seconds.toFixed(1)} s, ${perSecond(result.sentPerSecond)}${isSlow ? `, and ${rate}/s were asked for` : ''}`,
    `received     ${received} of ${expected}, ${perSecond(result.receivedPerSecond)}`,
    ...(times ? [`latency      ${times}`] : []),
    ...(missing > 0 ? [`missing      ${missing}`] : []),
    ...(repeated > 0 ? [`repeated     ${repeated}, or behind a later one`] : []),
    ...(lostConnections > 0 ? [`lost         ${lostConnections} connections`] : []),
    '',
  ].join('\n');
}

function perSecond(rate: number): string {
  return `${rate < 10 ? rate.toFixed(1) : Math.round(rate)}/s`;
}

function inMs(duration: number): string {
  return `${duration < 10 ? duration.toFixed(1) : Math.round(duration)} ms`;
}
