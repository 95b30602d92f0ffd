import { isUtf8 } from 'node:buffer';
import type { IPublishPacket } from 'mqtt';
import type { Flags } from './command';
import type { ParsedValues } from './parse-options';

/** How messages are printed, named as mosquitto names it. */
export const printFlags = {
  verbose: { type: 'boolean', short: 'v' },
  'no-line-feed': { type: 'boolean', short: 'N' },
  json: { type: 'boolean' },
} as const satisfies Flags;

/** What the help of commands says of these flags. */
export const printHelp = `  -v, --verbose    print the topic before the payload
  -N, --no-line-feed  no line feed after the payload
  --json           a line of JSON for each message: topic, qos, retain, payload or payloadBase64, properties of MQTT 5
`;

/** A message as the flags want it printed. */
export function printed(packet: IPublishPacket, values: ParsedValues<typeof printFlags>): Buffer {
  const after = values['no-line-feed'] ? '' : '\n';
  if (values.json) return Buffer.from(`${JSON.stringify(asJson(packet))}${after}`);
  const before = values.verbose ? `${packet.topic} ` : '';
  return Buffer.concat([Buffer.from(before), Buffer.from(packet.payload), Buffer.from(after)]);
}

function asJson({ topic, qos, retain, dup, payload, properties }: IPublishPacket) {
  const bytes = Buffer.from(payload);
  const said = isUtf8(bytes) ? { payload: bytes.toString() } : { payloadBase64: bytes.toString('base64') };
  const { correlationData, ...others } = properties ?? {};
  const correlation = correlationData && { correlationDataBase64: correlationData.toString('base64') };
  return { topic, qos, retain, dup, ...said, ...(properties && { properties: { ...others, ...correlation } }) };
}
