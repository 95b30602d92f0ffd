import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import type { IPublishPacket, MqttClient } from 'mqtt';
import { matches } from '../../lambdas/protocol/topic-filter';
import { type Command, type Flags, type Terminal, timedOut, UsageError } from '../command';
import { connectionFlags, connectionHelp, connectionOf, open, qosOf } from '../connection';
import { cleanText, milliseconds, type ParsedValues, parseOptions, topicFilter, wholeNumber } from '../options';
import { printed, printFlags, printHelp } from '../print-message';

const help = `usage: cirrus-mqtt sub -L wss://... -t filter [-t filter ...]

  -t, --topic      a filter to subscribe to
  -T, --filter-out print no messages of these topics
  -U, --unsubscribe  a filter to unsubscribe from, for a kept session
${printHelp}  -R, --no-retained      no messages that were retained before
  -C, --count            leave after so many messages
  -W, --timeout          leave after so many seconds, with exit code 27
  -E, --exit-subscribed  leave once subscribed
  --quiet          do not tell of lost connections

${connectionHelp}`;

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

const RECONNECT_MS = 1_000;

/** `cirrus-mqtt sub`: prints messages, and comes back by itself when the connection is lost. */
export const subCommand: Command = {
  help,
  flags,
  exits: { [timedOut]: 'nothing more came within the time of -W' },
  async run(args, terminal) {
    const { values } = parseOptions(args, flags);
    const connection = connectionOf(values);
    const filters = values.topic ?? (connection.topic ? [connection.topic] : []);
    if (filters.length + (values.unsubscribe ?? []).length === 0) throw new UsageError('sub needs -t filter');
    for (const filter of filters) cleanText('-t', topicFilter('-t', filter));
    for (const filter of values['filter-out'] ?? []) topicFilter('-T', filter);
    for (const filter of values.unsubscribe ?? []) cleanText('-U', topicFilter('-U', filter));
    const qos = qosOf('-q', values.qos);
    const count = values.count === undefined ? Infinity : wholeNumber('-C', values.count, 1, Number.MAX_SAFE_INTEGER);
    const end = endOf(values, terminal);

    const { client, connected } = open(connection, RECONNECT_MS, values, terminal);
    try {
      const counted = print(client, count, values, terminal);
      const endedEarly = await Promise.race([connected, end]);
      if (typeof endedEarly === 'number') return endedEarly;
      client.on('error', (error) => values.quiet || terminal.stderr.write(`cirrus-mqtt: ${error.message}\n`));
      const subscribed = subscribe(client, filters, values.unsubscribe ?? [], qos);
      const next = subscribed.then(() => (values['exit-subscribed'] ? 0 : end));
      const exitCode = await Promise.race([counted, end, next]);
      await turn(); // The acknowledgement of the last message leaves first.
      await client.endAsync();
      return exitCode;
    } finally {
      client.end(true);
    }
  },
};

/** The exit code of whatever ends the command from outside: an interruption or the time limit. */
function endOf(values: Values, { interrupted }: Terminal): Promise<number> {
  const stopped = once(interrupted, 'abort').then(() => 0);
  if (values.timeout === undefined) return stopped;
  const limit = milliseconds('-W', values.timeout);
  const limitReached = new Promise<number>((resolve) => setTimeout(resolve, limit, timedOut).unref());
  return Promise.race([stopped, limitReached]);
}

async function subscribe(client: MqttClient, filters: string[], gone: string[], qos: 0 | 1 | 2): Promise<void> {
  if (gone.length > 0) await client.unsubscribeAsync(gone);
  if (filters.length > 0) await client.subscribeAsync(filters, { qos });
}

/** Prints what arrives; settles with exit code 0 when the count is reached. */
function print(client: MqttClient, count: number, values: Values, { stdout }: Terminal): Promise<number> {
  const filteredOut = values['filter-out'] ?? [];
  let shown = 0;
  // MQTT.js takes the next packet when this one is done: a slow reader of stdout slows the broker, not fills the memory.
  client.handleMessage = (_packet, done) => {
    if (stdout.writableNeedDrain) stdout.once('drain', () => done());
    else done();
  };
  return new Promise((resolve) => {
    client.on('message', (_topic, _payload, packet) => {
      if (shown === count || isUnwanted(packet, filteredOut, values)) return;
      stdout.write(printed(packet, values));
      shown += 1;
      if (shown === count) resolve(0);
    });
  });
}

function isUnwanted(packet: IPublishPacket, filteredOut: string[], values: Values): boolean {
  const isStale = packet.retain && values['no-retained'] === true;
  return isStale || filteredOut.some((filter) => matches(filter, packet.topic));
}
