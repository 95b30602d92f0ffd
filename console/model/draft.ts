import type { MessageProperties } from './message-log';
import { type PayloadFormat, parseHex } from './payload';
import type { Qos } from './requests';
import { checkText, checkTopic } from './topics';

/** Contents of the publish form. */
export interface Draft {
  readonly topic: string;
  readonly payload: string;
  readonly format: PayloadFormat;
  readonly qos: Qos;
  readonly retain: boolean;
  readonly isUtf8: boolean;
  readonly contentType: string;
  readonly responseTopic: string;
  /** Text, or hexadecimal digits after `0x`. */
  readonly correlationData: string;
  /** Seconds; empty for no expiry. */
  readonly expiry: string;
  /** One `name: value` per line. */
  readonly userProperties: string;
}

export const emptyDraft: Draft = {
  topic: '',
  payload: '',
  format: 'text',
  qos: 1,
  retain: false,
  isUtf8: false,
  contentType: '',
  responseTopic: '',
  correlationData: '',
  expiry: '',
  userProperties: '',
};

/** Parses the properties of the form. @throws Error that names the invalid property. */
export function parseProperties(draft: Draft): MessageProperties {
  const { contentType, responseTopic, correlationData, expiry, isUtf8 } = draft;
  if (responseTopic !== '') checkTopic(responseTopic, 'response topic'); // [MQTT-3.3.2-14]
  checkText(contentType, 'the content type');
  const userProperties = parseUserProperties(draft.userProperties);
  return {
    ...(isUtf8 && { payloadFormatIndicator: true }),
    ...(expiry !== '' && { messageExpiryInterval: Number(expiry) }),
    ...(contentType !== '' && { contentType }),
    ...(responseTopic !== '' && { responseTopic }),
    ...(correlationData !== '' && { correlationData: parseCorrelationData(correlationData) }),
    ...(userProperties && { userProperties }),
  };
}

function parseCorrelationData(typed: string): Uint8Array {
  return typed.startsWith('0x') ? parseHex(typed.slice(2)) : new TextEncoder().encode(typed);
}

function parseUserProperties(typed: string): Record<string, string | string[]> | undefined {
  const lines = typed.split('\n').filter((line) => line.trim() !== '');
  if (lines.length === 0) return undefined;
  const properties: Record<string, string | string[]> = Object.create(null);
  for (const line of lines) {
    checkText(line, 'the user property');
    const colon = line.indexOf(':');
    if (colon < 1) throw new Error(`the user property ${JSON.stringify(line)} must be a name, a colon and a value`);
    const name = line.slice(0, colon).trim();
    const value = line.slice(colon + 1).trim();
    // A name may appear more than once [MQTT-3.3.2-17].
    properties[name] = name in properties ? [properties[name]!, value].flat() : value;
  }
  return properties;
}
