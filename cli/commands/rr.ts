import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import type { IPublishPacket, MqttClient } from 'mqtt';
import { type Command, exitTimedOut, type Flags, type Terminal, UsageError } from '../command';
import { type Connection, connectionFlags, connectionHelp, parseConnection, parseQos } from '../connection-flags';
import { allowedText, milliseconds, topicName } from '../flag-values';
import { formatMessage, printFlags, printHelp } from '../format-message';
import { openClient } from '../open-client';
import { type ParsedValues, parseOptions } from '../parse-options';
import { payloadFlags, payloadSourcesIn, readPayload } from '../payload-flags';

const help = `usage: cirrus-mqtt rr -L wss://... -t topic -e topic -m message

Publishes a request, prints the first response and exits. With MQTT 5, the default, the request contains a response
topic and correlation data, and the command accepts only a response with the same correlation data. With MQTT 3.1.1 it
accepts the first message on the response topic.

payload, one of:
  -m, --message    this text
  -f, --file       content of a file
  -s, --stdin-file content of stdin
  -n, --null-message  empty payload

  -t, --topic      topic of the request
  -e, --response-topic  topic of the response
  -r, --retain     set the retain flag of the request
  -W, --timeout    exit after this number of seconds without a response, with exit code 27; default: no limit

${printHelp}
${connectionHelp('5')}`;

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

/** Request with its checked topics and its payload. */
interface Request {
  readonly topic: string;
  readonly responseTopic: string;
  readonly payload: Buffer;
  /** MQTT 5 only. */
  readonly correlationData?: Buffer;
}

/** `cirrus-mqtt rr`: sends a request and prints the response. */
export const rrCommand: Command = {
  help,
  flags,
  exitCodes: { [exitTimedOut]: 'no response within the time of -W' },
  async run(args, terminal) {
    const { values } = parseOptions(args, flags);
    const connection = parseConnection({ ...values, 'protocol-version': values['protocol-version'] ?? '5' });
    const limit = values.timeout === undefined ? undefined : milliseconds('-W', values.timeout);
    const qos = parseQos('-q', values.qos);
    const request = await readRequest(values, connection, terminal);

    const { client, connected } = openClient(connection, {
      reconnectMs: 0,
      debugLog: values.debug ? terminal.stderr : undefined,
    });
    try {
      const responded = connected.then(() =>
        Promise.race([sendRequest(client, request, { qos, retain: values.retain ?? false }), rejectOnLoss(client)]),
      );
      const result = await Promise.race([responded, exitFromOutside(limit, terminal)]);
      if (typeof result === 'number') return result;
      terminal.stdout.write(formatMessage(result, values));
      await turn(); // MQTT.js sends the acknowledgement of the response first.
      await client.endAsync();
      return 0;
    } finally {
      client.end(true);
    }
  },
};

async function readRequest(values: Values, { options }: Connection, { stdin }: Terminal): Promise<Request> {
  const given = payloadSourcesIn(values).length;
  if (given !== 1) throw new UsageError(`rr needs one of -m, -f, -s and -n, not ${given}`);
  const topic = parseTopic('-t', values.topic);
  const responseTopic = parseTopic('-e', values['response-topic']);
  const correlation = options.protocolVersion === 5 && { correlationData: randomBytes(correlationBytes) };
  return { topic, responseTopic, payload: await readPayload(values, stdin), ...correlation };
}

function parseTopic(flag: string, topic: string | undefined): string {
  if (topic === undefined) throw new UsageError(`rr needs ${flag} topic`);
  return allowedText(flag, topicName(flag, topic));
}

/** Subscribes to the response topic before it publishes, so that no response can arrive too early. */
async function sendRequest(
  client: MqttClient,
  request: Request,
  { qos, retain }: { readonly qos: 0 | 1 | 2; readonly retain: boolean },
): Promise<IPublishPacket> {
  const { topic, responseTopic, payload, correlationData } = request;
  const response = waitForResponse(client, request);
  await client.subscribeAsync(responseTopic, { qos });
  const properties = correlationData && { responseTopic, correlationData };
  await client.publishAsync(topic, payload, { qos, retain, ...(properties && { properties }) });
  return response;
}

/** Resolves to the first response. Ignores retained messages, which are older than the request. */
function waitForResponse(client: MqttClient, { responseTopic, correlationData }: Request): Promise<IPublishPacket> {
  return new Promise((resolve) => {
    client.on('message', (topic, _payload, packet) => {
      if (topic !== responseTopic || packet.retain) return;
      const received = packet.properties?.correlationData;
      if (correlationData === undefined || received?.equals(correlationData)) resolve(packet);
    });
  });
}

/** Resolves to the exit code on an interruption or after the time limit. */
function exitFromOutside(limit: number | undefined, { interrupted }: Terminal): Promise<number> {
  const stopped = once(interrupted, 'abort').then(() => 1);
  if (limit === undefined) return stopped;
  return Promise.race([stopped, new Promise<number>((resolve) => setTimeout(resolve, limit, exitTimedOut).unref())]);
}

/** Rejects when the connection is lost. */
function rejectOnLoss(client: MqttClient): Promise<never> {
  return new Promise((_resolve, reject) => {
    client.on('error', reject);
    client.on('close', () => reject(new Error('the connection was lost before the response')));
  });
}
