import { isUtf8 } from 'node:buffer';
import type { IPublishPacket } from 'mqtt';
import type { Flags } from './command';
import type { ParsedValues } from './parse-options';

/** Flags for the output format of messages, with mosquitto's names. */
export const printFlags = {
  verbose: { type: 'boolean', short: 'v' },
  'no-line-feed': { type: 'boolean', short: 'N' },
  json: { type: 'boolean' },
} as const satisfies Flags;

/** Help text of these flags. */
export const printHelp = `  -v, --verbose    print the topic before the payload
  -N, --no-line-feed  print no line feed after the payload
  --json           print each message as a line of JSON: topic, qos, retain, dup, payload or payloadBase64, and the
                   properties of MQTT 5
`;

/** Formats a message as the flags select. */
export function formatMessage(packet: IPublishPacket, values: ParsedValues<typeof printFlags>): Buffer {
  const suffix = values['no-line-feed'] ? '' : '\n';
  if (values.json) return Buffer.from(`${JSON.stringify(toJson(packet))}${suffix}`);
  const prefix = values.verbose ? `${packet.topic} ` : '';
  return Buffer.concat([Buffer.from(prefix), Buffer.from(packet.payload), Buffer.from(suffix)]);
}

function toJson({ topic, qos, retain, dup, payload, properties }: IPublishPacket) {
  const bytes = Buffer.from(payload);
  const content = isUtf8(bytes) ? { payload: bytes.toString() } : { payloadBase64: bytes.toString('base64') };
  const { correlationData, ...others } = properties ?? {};
  const correlation = correlationData && { correlationDataBase64: correlationData.toString('base64') };
  return { topic, qos, retain, dup, ...content, ...(properties && { properties: { ...others, ...correlation } }) };
}
