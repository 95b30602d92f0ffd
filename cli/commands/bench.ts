import { randomBytes } from 'node:crypto';
import type { Counts } from '../bench/load-counters';
import { LoadGenerator } from '../bench/load-generator';
import type { LoadPlan } from '../bench/load-plan';
import { minPayloadBytes } from '../bench/payload-stamp';
import { type Command, exitNegative, type Flags, type Terminal, UsageError } from '../command';
import { connectionFlags, parseConnection, parseQos } from '../connection-flags';
import { milliseconds, topicName, wholeNumber } from '../flag-values';
import { formatDollars } from '../format-dollars';
import { type ParsedValues, parseOptions } from '../parse-options';
import { runDollars } from '../pricing/run-bill';
import { progressOn } from '../progress';

const help = `usage: cirrus-mqtt bench -L wss://... --yes [options]

Load-tests a broker: each client publishes to its own topic, and --fanout clients receive each message. Prints rates
and latencies every second and at the end. Prints the estimated cost on AWS before the run, which needs --yes for a
wss:// address. Ends with exit code 2 if messages of QoS 1 or 2 are missing.

  --clients N      connections, 1 to 10000; default 10
  --rate N         messages per second of all clients together, 1 to 100000; default 10
  --duration S     seconds; default 10
  --payload B      payload size in bytes, ${minPayloadBytes} to 97000; default 100
  --fanout F       subscribers of each message, 0 to 100, at most --clients; default 1
  -q, --qos        0, 1 or 2; default 0
  -W, --timeout S  maximum wait for the last messages in seconds; default 15
  -t, --topic      prefix of the topics, which the user must be allowed to use; default cirrus/bench
  --yes            accept the estimated cost
  --json           print the result as JSON

broker:
  -L, --url        wss://... of the gateway, or mqtt(s)://[user:password@]host[:port]
  -h, --host       host of a plain MQTT broker, for example the adapter; default localhost
  -p, --port       its port; default 1883, or 8083 with --ws
  --ws             binary MQTT over WebSocket at /mqtt of -h and -p

clients:
  -i, --id         prefix of the client ids; default random
  -u, --username   user name
  -P, --pw         password
  --token-file     file with the token for the handshake with the gateway
  -k, --keepalive  keep-alive in seconds; default 540
  -V, --protocol-version  31, 311 or 5; default 311
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

/** Result of a run, in the form of the JSON output. */
interface Result extends Counts {
  readonly expected: number;
  readonly missing: number;
  readonly sentPerSecond: number;
  readonly receivedPerSecond: number;
  /** Estimated cost on AWS; only for a gateway. */
  readonly dollars?: number;
}

/** `cirrus-mqtt bench`: load-tests a broker and reports rates and latencies. */
export const benchCommand: Command = {
  help,
  flags,
  exitCodes: { [exitNegative]: 'messages of QoS 1 or 2 are missing' },
  async run(args, terminal) {
    const { values } = parseOptions(args, flags);
    const plan = parsePlan(values);
    const dollars = plan.url.startsWith('ws') && !values.ws ? costOf(plan) : undefined;
    const needsConsent = plan.url.startsWith('wss:') && !values.yes;
    if (dollars !== undefined) announceCost(dollars, { needsConsent }, terminal);
    const result = { ...(await runPlan(plan, values, terminal)), ...(dollars !== undefined && { dollars }) };
    terminal.stdout.write(values.json ? `${JSON.stringify(result, undefined, 2)}\n` : describeResult(plan, result));
    return result.missing > 0 && plan.qos > 0 ? exitNegative : 0;
  },
};

function parsePlan(values: Values): LoadPlan {
  const { url, options, topic: topicOfAddress } = parseConnection({ ...values, keepalive: values.keepalive ?? '540' });
  const topic = values.topic ?? topicOfAddress ?? 'cirrus/bench';
  topicName('-t', topic);
  const clients = wholeNumber('--clients', values.clients ?? '10', { min: 1, max: 10_000 });
  const fanout = wholeNumber('--fanout', values.fanout ?? '1', { min: 0, max: 100 });
  if (fanout > clients)
    throw new UsageError(`--fanout takes at most the number of clients, ${clients}, not "${fanout}"`);
  const seconds = milliseconds('--duration', values.duration ?? '10') / 1_000;
  if (seconds === 0) throw new UsageError('--duration takes more than 0 seconds');
  return {
    ...{ url, options, clients, fanout, seconds, topic },
    rate: wholeNumber('--rate', values.rate ?? '10', { min: 1, max: 100_000 }),
    qos: parseQos('-q', values.qos),
    payload: wholeNumber('--payload', values.payload ?? '100', { min: minPayloadBytes, max: 97_000 }),
    drainTimeoutMs: milliseconds('-W', values.timeout ?? '15'),
    id: values.id ?? `bench-${randomBytes(4).toString('hex')}`,
  };
}

/** Estimates the maximum cost: messages that share a frame cost less. */
function costOf({ payload, qos, fanout, rate, seconds, clients }: LoadPlan): number {
  const messages = Math.ceil(rate * seconds);
  return runDollars({ load: { payload, qos, fanout }, messages, pings: 0, connections: clients, seconds });
}

/** Prints the cost of a run. @throws UsageError if the user has to accept it with --yes first. */
function announceCost(
  dollars: number,
  { needsConsent }: { readonly needsConsent: boolean },
  { stderr }: Terminal,
): void {
  const cost = `the run costs ${formatDollars(dollars)} on AWS, before free tiers`;
  if (needsConsent) throw new UsageError(`${cost}; accept the cost with --yes`);
  stderr.write(`${cost}\n`);
}

async function runPlan(plan: LoadPlan, { json }: Values, terminal: Terminal): Promise<Result> {
  const progress = progressOn(terminal.stderr);
  const load = await LoadGenerator.connect(plan, (connected) =>
    progress.show(`${connected}/${plan.clients} connected`),
  );
  const timer = setInterval(() => {
    const line = describeSecond(load.recent.read());
    load.recent.reset();
    if (json) progress.show(line);
    else terminal.stdout.write(`${line}\n`);
  }, 1_000);
  progress.clear();
  try {
    const counts = await load.run(terminal.interrupted);
    return createResult(counts, load.expected);
  } finally {
    clearInterval(timer);
    progress.clear();
    await load.end();
  }
}

function createResult(counts: Counts, expected: number): Result {
  const { seconds, sent, received } = counts;
  const missing = Math.max(0, expected - received);
  return { ...counts, expected, missing, sentPerSecond: sent / seconds, receivedPerSecond: received / seconds };
}

function describeSecond({ seconds, sent, received, latency, lostConnections }: Counts): string {
  const rates = `${perSecond(sent / seconds)} sent, ${perSecond(received / seconds)} received`;
  const times = latency ? `, median ${formatMilliseconds(latency.median)}, p99 ${formatMilliseconds(latency.p99)}` : '';
  return `${rates}${times}${lostConnections > 0 ? `, ${lostConnections} connections lost` : ''}`;
}

function describeResult({ clients, qos, payload, fanout, rate }: LoadPlan, result: Result): string {
  const { seconds, sent, received, expected, missing, repeated, lostConnections, latency } = result;
  const times =
    latency &&
    (['min', 'median', 'p90', 'p99', 'max'] as const)
      .map((name) => `${name} ${formatMilliseconds(latency[name])}`)
      .join(', ');
  const isSlow = result.sentPerSecond < 0.95 * rate;
  return [
    '',
    `${clients} clients, QoS ${qos}, ${payload} bytes, each message to ${fanout}`,
    `sent         ${sent} in ${seconds.toFixed(1)} s, ${perSecond(result.sentPerSecond)}${isSlow ? `, below the requested ${rate}/s` : ''}`,
    `received     ${received} of ${expected}, ${perSecond(result.receivedPerSecond)}`,
    ...(times ? [`latency      ${times}`] : []),
    ...(missing > 0 ? [`missing      ${missing}`] : []),
    ...(repeated > 0 ? [`repeated     ${repeated}, or out of order`] : []),
    ...(lostConnections > 0 ? [`lost         ${lostConnections} connections`] : []),
    '',
  ].join('\n');
}

function perSecond(rate: number): string {
  return `${rate < 10 ? rate.toFixed(1) : Math.round(rate)}/s`;
}

function formatMilliseconds(duration: number): string {
  return `${duration < 10 ? duration.toFixed(1) : Math.round(duration)} ms`;
}
