import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { IClientPublishOptions, MqttClient } from 'mqtt';
import { type Command, type Flags, UsageError } from '../command';
import { connectionFlags, connectionHelp, connectionOf, open, qosOf } from '../connection-flags';
import { cleanText, milliseconds, type ParsedValues, parseOptions, topicName, wholeNumber } from '../parse-options';
import { payloadFlags, payloadOf, payloadsGiven } from '../payload-flags';
import { linesOf } from '../read-lines';

const help = `usage: cirrus-mqtt pub -L wss://... -t topic -m message

what to publish, one of:
  -m, --message    the payload
  -f, --file       a file as the payload
  -l, --stdin-line each line of stdin as a payload
  -s, --stdin-file all of stdin as the payload
  -n, --null-message  an empty payload

  -t, --topic      the topic
  -r, --retain     keep it as the retained message of the topic
  --repeat         how many times; 1
  --repeat-delay   seconds in between; 0

${connectionHelp}`;

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

/** So many publishes may wait for their acknowledgement: enough to fill frames, few enough to stay in order and small. */
const WINDOW = 256;

/** `cirrus-mqtt pub`: publishes and leaves. */
export const pubCommand: Command = {
  help,
  flags,
  async run(args, terminal) {
    const { values } = parseOptions(args, flags);
    const connection = connectionOf(values);
    const topic = topicOf(values.topic ?? connection.topic);
    const options = { qos: qosOf('-q', values.qos), retain: values.retain ?? false };
    const payloads = await payloadsOf(values, terminal.stdin);

    const { client, connected } = open(connection, 0, values, terminal);
    try {
      const published = connected.then(() =>
        Promise.race([publishAll(client, topic, options, payloads), lossOf(client)]),
      );
      await Promise.race([published, once(terminal.interrupted, 'abort')]);
      if (terminal.interrupted.aborted) return 1;
      await client.endAsync();
      return 0;
    } finally {
      client.end(true);
    }
  },
};

function topicOf(topic: string | undefined): string {
  if (topic === undefined) throw new UsageError('pub needs -t topic');
  return cleanText('-t', topicName('-t', topic));
}

async function payloadsOf(values: Values, stdin: Readable): Promise<AsyncIterable<Buffer>> {
  const given = payloadsGiven(values).length + (values['stdin-line'] ? 1 : 0);
  if (given !== 1) throw new UsageError(`pub needs one of -m, -f, -l, -s and -n, not ${given}`);
  if (values['stdin-line']) return linesOf(stdin);
  const times = wholeNumber('--repeat', values.repeat ?? '1', 1, Number.MAX_SAFE_INTEGER);
  return repeated(await payloadOf(values, stdin), times, milliseconds('--repeat-delay', values['repeat-delay'] ?? '0'));
}

async function* repeated(payload: Buffer, times: number, pause: number): AsyncGenerator<Buffer> {
  for (let n = 0; n < times; n++) {
    if (n > 0 && pause > 0) await delay(pause);
    yield payload;
  }
}

/** Publishes all, without waiting for each: what is written in one turn shares a frame. */
async function publishAll(
  client: MqttClient,
  topic: string,
  options: IClientPublishOptions,
  payloads: AsyncIterable<Buffer>,
): Promise<void> {
  let waiting = 0;
  let wake = () => {};
  let failure: Error | undefined;
  const acknowledged = (error?: Error) => {
    waiting -= 1;
    failure ??= error;
    wake();
  };
  const change = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
    });
  for await (const payload of payloads) {
    waiting += 1;
    client.publish(topic, payload, options, acknowledged);
    if (waiting >= WINDOW) await change();
    if (failure) throw failure;
  }
  while (waiting > 0 && !failure) await change();
  if (failure) throw failure;
}

function lossOf(client: MqttClient): Promise<never> {
  return new Promise((_resolve, reject) => {
    client.on('error', reject);
    client.on('close', () => reject(new Error('the connection was lost')));
  });
}
