import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import type { IPublishPacket, MqttClient } from 'mqtt';
import { type Command, type Flags, type Terminal, timedOut, UsageError } from '../command';
import { type Connection, connectionFlags, connectionHelp, connectionOf, open, qosOf } from '../connection-flags';
import { printed, printFlags, printHelp } from '../format-message';
import { cleanText, milliseconds, type ParsedValues, parseOptions, topicName } from '../parse-options';
import { payloadFlags, payloadOf, payloadsGiven } from '../payload-flags';

const help = `usage: cirrus-mqtt rr -L wss://... -t topic -e topic -m message

Publishes a request, prints the first response to it and leaves. Over MQTT 5, which it speaks unless told otherwise, the
request names the topic of the response and has correlation data, and only a response with the same data counts. Over
MQTT 3.1.1 the first message on the topic of the response counts.

what to ask, one of:
  -m, --message    the payload
  -f, --file       a file as the payload
  -s, --stdin-file all of stdin as the payload
  -n, --null-message  an empty payload

  -t, --topic      the topic of the request
  -e, --response-topic  the topic of the response
  -r, --retain     keep the request as the retained message of its topic
  -W, --timeout    leave after so many seconds without a response, with exit code 27; waits for ever unless told

${printHelp}
${connectionHelp}`;

const flags = {
  ...connectionFlags,
  ...payloadFlags,
  ...printFlags,
  topic: { type: 'string', short: 't' },
  'response-topic': { type: 'string', short: 'e' },
  retain: { type: 'boolean', short: 'r' },
  timeout: { type: 'string', short: 'W' },
} as const satisfies Flags;

type Values = ParsedValues<typeof flags>;

const correlationBytes = 16;

/** A request that is ready to be published. */
interface Request {
  readonly topic: string;
  readonly responseTopic: string;
  readonly payload: Buffer;
  /** Absent before MQTT 5. */
  readonly correlationData?: Buffer;
}

/** `cirrus-mqtt rr`: asks and prints the answer. */
export const rrCommand: Command = {
  help,
  flags,
  exits: { [timedOut]: 'no response came within the time of -W' },
  async run(args, terminal) {
    const { values } = parseOptions(args, flags);
    const connection = connectionOf({ ...values, 'protocol-version': values['protocol-version'] ?? '5' });
    const limit = values.timeout === undefined ? undefined : milliseconds('-W', values.timeout);
    const qos = qosOf('-q', values.qos);
    const request = await requestOf(values, connection, terminal);

    const { client, connected } = open(connection, 0, values, terminal);
    try {
      const answered = connected.then(() => Promise.race([ask(client, request, qos, values), lossOf(client)]));
      const answer = await Promise.race([answered, endOf(limit, terminal)]);
      if (typeof answer === 'number') return answer;
      terminal.stdout.write(printed(answer, values));
      await turn(); // The acknowledgement of the response leaves first.
      await client.endAsync();
      return 0;
    } finally {
      client.end(true);
    }
  },
};

async function requestOf(values: Values, { options }: Connection, { stdin }: Terminal): Promise<Request> {
  const given = payloadsGiven(values).length;
  if (given !== 1) throw new UsageError(`rr needs one of -m, -f, -s and -n, not ${given}`);
  const topic = topicOf('-t', values.topic);
  const responseTopic = topicOf('-e', values['response-topic']);
  const correlation = options.protocolVersion === 5 && { correlationData: randomBytes(correlationBytes) };
  return { topic, responseTopic, payload: await payloadOf(values, stdin), ...correlation };
}

function topicOf(flag: string, topic: string | undefined): string {
  if (topic === undefined) throw new UsageError(`rr needs ${flag} topic`);
  return cleanText(flag, topicName(flag, topic));
}

/** Subscribes first, so that no response is too early. */
async function ask(client: MqttClient, request: Request, qos: 0 | 1 | 2, values: Values): Promise<IPublishPacket> {
  const { topic, responseTopic, payload, correlationData } = request;
  const response = responseOf(client, request);
  await client.subscribeAsync(responseTopic, { qos });
  const properties = correlationData && { responseTopic, correlationData };
  await client.publishAsync(topic, payload, {
    qos,
    retain: values.retain ?? false,
    ...(properties && { properties }),
  });
  return response;
}

/** A message that was retained before is no response to what is asked now. */
function responseOf(client: MqttClient, { responseTopic, correlationData }: Request): Promise<IPublishPacket> {
  return new Promise((resolve) => {
    client.on('message', (topic, _payload, packet) => {
      if (topic !== responseTopic || packet.retain) return;
      const said = packet.properties?.correlationData;
      if (correlationData === undefined || said?.equals(correlationData)) resolve(packet);
    });
  });
}

/** The exit code of whatever ends the command from outside. */
function endOf(limit: number | undefined, { interrupted }: Terminal): Promise<number> {
  const stopped = once(interrupted, 'abort').then(() => 1);
  if (limit === undefined) return stopped;
  return Promise.race([stopped, new Promise<number>((resolve) => setTimeout(resolve, limit, timedOut).unref())]);
}

function lossOf(client: MqttClient): Promise<never> {
  return new Promise((_resolve, reject) => {
    client.on('error', reject);
    client.on('close', () => reject(new Error('the connection was lost before a response came')));
  });
}
