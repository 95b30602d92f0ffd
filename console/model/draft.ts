import type { MessageProperties } from './message-log';
import { bytesOfHex, type PayloadForm } from './payload';
import type { Qos } from './requests';
import { checkText, checkTopic } from './topics';

/** A message as it is being typed. */
export interface Draft {
  readonly topic: string;
  readonly payload: string;
  readonly form: PayloadForm;
  readonly qos: Qos;
  readonly retain: boolean;
  readonly isUtf8: boolean;
  readonly contentType: string;
  readonly responseTopic: string;
  /** Text, or hexadecimal digits behind `0x`. */
  readonly correlationData: string;
  /** Seconds; empty is never. */
  readonly expiry: string;
  /** One `name: value` in a line. */
  readonly userProperties: string;
}

export const emptyDraft: Draft = {
  topic: '',
  payload: '',
  form: 'text',
  qos: 1,
  retain: false,
  isUtf8: false,
  contentType: '',
  responseTopic: '',
  correlationData: '',
  expiry: '',
  userProperties: '',
};

/** The properties that were filled in. Throws an `Error` that names what is wrong. */
export function propertiesOf(draft: Draft): MessageProperties {
  const { contentType, responseTopic, correlationData, expiry, isUtf8 } = draft;
  if (responseTopic !== '') checkTopic(responseTopic, 'response topic'); // [MQTT-3.3.2-14]
  checkText(contentType, 'the content type');
  const userProperties = userPropertiesOf(draft.userProperties);
  return {
    ...(isUtf8 && { payloadFormatIndicator: true }),
    ...(expiry !== '' && { messageExpiryInterval: Number(expiry) }),
    ...(contentType !== '' && { contentType }),
    ...(responseTopic !== '' && { responseTopic }),
    ...(correlationData !== '' && { correlationData: correlationBytes(correlationData) }),
    ...(userProperties && { userProperties }),
  };
}

function correlationBytes(typed: string): Uint8Array {
  return typed.startsWith('0x') ? bytesOfHex(typed.slice(2)) : new TextEncoder().encode(typed);
}

function userPropertiesOf(typed: string): Record<string, string | string[]> | undefined {
  const lines = typed.split('\n').filter((line) => line.trim() !== '');
  if (lines.length === 0) return undefined;
  const properties: Record<string, string | string[]> = Object.create(null);
  for (const line of lines) {
    checkText(line, 'the user property');
    const colon = line.indexOf(':');
    if (colon < 1) throw new Error(`the user property ${JSON.stringify(line)} must be a name, a colon and a value`);
    const name = line.slice(0, colon).trim();
    const value = line.slice(colon + 1).trim();
    // MQTT allows a name more than once [MQTT-3.3.2-17].
    properties[name] = name in properties ? [properties[name]!, value].flat() : value;
  }
  return properties;
}
