import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { MqttClient } from 'mqtt';
import { type Command, type Flags, UsageError } from '../command';
import { connectionFlags, connectionHelp, parseConnection, parseQos } from '../connection-flags';
import { allowedText, milliseconds, topicName, wholeNumber } from '../flag-values';
import { openClient } from '../open-client';
import { type ParsedValues, parseOptions } from '../parse-options';
import { payloadFlags, payloadSourcesIn, readPayload } from '../payload-flags';
import { readLines } from '../read-lines';

const help = `usage: cirrus-mqtt pub -L wss://... -t topic -m message

payload, one of:
  -m, --message    this text
  -f, --file       content of a file
  -l, --stdin-line each line of stdin as a message
  -s, --stdin-file content of stdin
  -n, --null-message  empty payload

  -t, --topic      topic name
  -r, --retain     set the retain flag
  --repeat         number of messages; default 1
  --repeat-delay   seconds between messages; default 0

${connectionHelp('311')}`;

const flags = {
  ...connectionFlags,
  topic: { type: 'string', short: 't' },
  ...payloadFlags,
  'stdin-line': { type: 'boolean', short: 'l' },
  retain: { type: 'boolean', short: 'r' },
  repeat: { type: 'string' },
  'repeat-delay': { type: 'string' },
} as const satisfies Flags;

type Values = ParsedValues<typeof flags>;

/** Maximum number of unacknowledged messages: enough to fill frames, and few enough to keep order and memory bounded. */
const maxInFlight = 256;

/** `cirrus-mqtt pub`: publishes messages and exits. */
export const pubCommand: Command = {
  help,
  flags,
  async run(args, terminal) {
    const { values } = parseOptions(args, flags);
    const connection = parseConnection(values);
    const topic = parseTopic(values.topic ?? connection.topic);
    const options = { qos: parseQos('-q', values.qos), retain: values.retain ?? false };
    const payloads = await readPayloads(values, terminal.stdin);

    const { client, connected } = openClient(connection, {
      reconnectMs: 0,
      debugLog: values.debug ? terminal.stderr : undefined,
    });
    const publish = (payload: Buffer, onAcknowledged: (error?: Error) => void) =>
      client.publish(topic, payload, options, onAcknowledged);
    try {
      const published = connected.then(() => Promise.race([publishAll(publish, payloads), rejectOnLoss(client)]));
      await Promise.race([published, once(terminal.interrupted, 'abort')]);
      if (terminal.interrupted.aborted) return 1;
      await client.endAsync();
      return 0;
    } finally {
      client.end(true);
    }
  },
};

function parseTopic(topic: string | undefined): string {
  if (topic === undefined) throw new UsageError('pub needs -t topic');
  return allowedText('-t', topicName('-t', topic));
}

async function readPayloads(values: Values, stdin: Readable): Promise<AsyncIterable<Buffer>> {
  const given = payloadSourcesIn(values).length + (values['stdin-line'] ? 1 : 0);
  if (given !== 1) throw new UsageError(`pub needs one of -m, -f, -l, -s and -n, not ${given}`);
  if (values['stdin-line']) return readLines(stdin);
  const times = wholeNumber('--repeat', values.repeat ?? '1', { min: 1, max: Number.MAX_SAFE_INTEGER });
  return repeated(
    await readPayload(values, stdin),
    times,
    milliseconds('--repeat-delay', values['repeat-delay'] ?? '0'),
  );
}

async function* repeated(payload: Buffer, times: number, delayMs: number): AsyncGenerator<Buffer> {
  for (let n = 0; n < times; n++) {
    if (n > 0 && delayMs > 0) await delay(delayMs);
    yield payload;
  }
}

/** Publishes all payloads without a wait for each acknowledgement: packets of one turn of the event loop share a frame. */
async function publishAll(
  publish: (payload: Buffer, onAcknowledged: (error?: Error) => void) => void,
  payloads: AsyncIterable<Buffer>,
): Promise<void> {
  let inFlight = 0;
  let wake = () => {};
  let failure: Error | undefined;
  const onAcknowledged = (error?: Error) => {
    inFlight -= 1;
    failure ??= error;
    wake();
  };
  const acknowledgement = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
    });
  for await (const payload of payloads) {
    inFlight += 1;
    publish(payload, onAcknowledged);
    if (inFlight >= maxInFlight) await acknowledgement();
    if (failure) throw failure;
  }
  while (inFlight > 0 && !failure) await acknowledgement();
  if (failure) throw failure;
}

/** Rejects when the connection is lost. */
function rejectOnLoss(client: MqttClient): Promise<never> {
  return new Promise((_resolve, reject) => {
    client.on('error', reject);
    client.on('close', () => reject(new Error('the connection was lost')));
  });
}
