import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import type { IPublishPacket, MqttClient } from 'mqtt';
import { matches } from '../../lambdas/protocol/topic-filter';
import { type Command, exitTimedOut, type Flags, type Terminal, UsageError } from '../command';
import { connectionFlags, connectionHelp, parseConnection, parseQos } from '../connection-flags';
import { allowedText, milliseconds, topicFilter, wholeNumber } from '../flag-values';
import { formatMessage, printFlags, printHelp } from '../format-message';
import { openClient } from '../open-client';
import { type ParsedValues, parseOptions } from '../parse-options';

const help = `usage: cirrus-mqtt sub -L wss://... -t filter [-t filter ...]

  -t, --topic      topic filter to subscribe to; repeatable
  -T, --filter-out do not print messages that match this topic filter; repeatable
  -U, --unsubscribe  topic filter to unsubscribe from, for a kept session; repeatable
${printHelp}  -R, --no-retained      do not print retained messages
  -C, --count            exit after this number of messages
  -W, --timeout          exit after this number of seconds, with exit code 27
  -E, --exit-subscribed  exit after the SUBACK
  --quiet                do not print connection errors

${connectionHelp('311')}`;

const flags = {
  ...connectionFlags,
  topic: { type: 'string', short: 't', multiple: true },
  'filter-out': { type: 'string', short: 'T', multiple: true },
  unsubscribe: { type: 'string', short: 'U', multiple: true },
  ...printFlags,
  'no-retained': { type: 'boolean', short: 'R' },
  count: { type: 'string', short: 'C' },
  timeout: { type: 'string', short: 'W' },
  'exit-subscribed': { type: 'boolean', short: 'E' },
  quiet: { type: 'boolean' },
} as const satisfies Flags;

type Values = ParsedValues<typeof flags>;

const reconnectMs = 1_000;

/** `cirrus-mqtt sub`: prints messages, and reconnects when the connection is lost. */
export const subCommand: Command = {
  help,
  flags,
  exitCodes: { [exitTimedOut]: 'the time of -W is over' },
  async run(args, terminal) {
    const { values } = parseOptions(args, flags);
    const connection = parseConnection(values);
    const filters = values.topic ?? (connection.topic ? [connection.topic] : []);
    const unsubscribe = values.unsubscribe ?? [];
    if (filters.length + unsubscribe.length === 0) throw new UsageError('sub needs -t filter');
    for (const filter of filters) allowedText('-t', topicFilter('-t', filter));
    for (const filter of values['filter-out'] ?? []) topicFilter('-T', filter);
    for (const filter of unsubscribe) allowedText('-U', topicFilter('-U', filter));
    const qos = parseQos('-q', values.qos);
    const count =
      values.count === undefined ? Infinity : wholeNumber('-C', values.count, { min: 1, max: Number.MAX_SAFE_INTEGER });
    const end = exitFromOutside(values, terminal);

    const { client, connected } = openClient(connection, {
      reconnectMs,
      debugLog: values.debug ? terminal.stderr : undefined,
    });
    try {
      const counted = printMessages(client, { count, values }, terminal);
      const endedEarly = await Promise.race([connected, end]);
      if (typeof endedEarly === 'number') return endedEarly;
      client.on('error', (error) => values.quiet || terminal.stderr.write(`cirrus-mqtt: ${error.message}\n`));
      const subscribed = changeSubscriptions(client, { filters, unsubscribe, qos });
      const next = subscribed.then(() => (values['exit-subscribed'] ? 0 : end));
      const exitCode = await Promise.race([counted, end, next]);
      await turn(); // MQTT.js sends the acknowledgement of the last message first.
      await client.endAsync();
      return exitCode;
    } finally {
      client.end(true);
    }
  },
};

/** Resolves to the exit code on an interruption or after the time limit. */
function exitFromOutside(values: Values, { interrupted }: Terminal): Promise<number> {
  const stopped = once(interrupted, 'abort').then(() => 0);
  if (values.timeout === undefined) return stopped;
  const limit = milliseconds('-W', values.timeout);
  const limitReached = new Promise<number>((resolve) => setTimeout(resolve, limit, exitTimedOut).unref());
  return Promise.race([stopped, limitReached]);
}

interface SubscriptionChange {
  readonly filters: string[];
  readonly unsubscribe: string[];
  readonly qos: 0 | 1 | 2;
}

async function changeSubscriptions(
  client: MqttClient,
  { filters, unsubscribe, qos }: SubscriptionChange,
): Promise<void> {
  if (unsubscribe.length > 0) await client.unsubscribeAsync(unsubscribe);
  if (filters.length > 0) await client.subscribeAsync(filters, { qos });
}

/** Prints messages. Resolves to exit code 0 after `count` of them. */
function printMessages(
  client: MqttClient,
  { count, values }: { readonly count: number; readonly values: Values },
  { stdout }: Terminal,
): Promise<number> {
  const filteredOut = values['filter-out'] ?? [];
  let shown = 0;
  // MQTT.js reads the next packet after `done`, so that a slow reader of stdout applies backpressure instead of filling
  // the memory.
  client.handleMessage = (_packet, done) => {
    if (stdout.writableNeedDrain) stdout.once('drain', () => done());
    else done();
  };
  return new Promise((resolve) => {
    client.on('message', (_topic, _payload, packet) => {
      if (shown === count || isUnwanted(packet, filteredOut, values)) return;
      stdout.write(formatMessage(packet, values));
      shown += 1;
      if (shown === count) resolve(0);
    });
  });
}

function isUnwanted(packet: IPublishPacket, filteredOut: string[], values: Values): boolean {
  const isExcluded = packet.retain && values['no-retained'] === true;
  return isExcluded || filteredOut.some((filter) => matches(filter, packet.topic));
}
