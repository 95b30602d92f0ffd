import { varintSize } from '../lambdas/protocol/codec/varint';

/** Options of `publish` of MQTT.js that affect the size of the packet. */
export interface PublishOptions {
  qos?: number;
  properties?: PublishProperties;
}

interface PublishProperties {
  payloadFormatIndicator?: boolean;
  messageExpiryInterval?: number;
  topicAlias?: number;
  responseTopic?: string;
  correlationData?: Uint8Array | string;
  userProperties?: Record<string, string | readonly string[]>;
  subscriptionIdentifier?: number | readonly number[];
  contentType?: string;
}

/** A PUBLISH before it is encoded. */
export interface UnencodedPublish {
  topic: string;
  payload: string | Uint8Array;
  options: PublishOptions;
  protocolVersion: number;
}

/** Bytes of a PUBLISH, fixed header included, section 3.3. A topic that an alias replaces counts in full. */
export function publishBytes({ topic, payload, options, protocolVersion }: UnencodedPublish): number {
  const { qos = 0, properties = {} } = options;
  const propertyBytes = protocolVersion === 5 ? propertiesBytes(properties) : 0;
  const remaining = 2 + bytesOf(topic) + (qos > 0 ? 2 : 0) + propertyBytes + bytesOf(payload);
  return 1 + varintSize(remaining) + remaining;
}

function propertiesBytes(properties: PublishProperties): number {
  const { payloadFormatIndicator, messageExpiryInterval, topicAlias, userProperties = {} } = properties;
  const identifiers = [properties.subscriptionIdentifier ?? []].flat();
  const texts = [properties.responseTopic, properties.correlationData, properties.contentType];
  const length =
    (payloadFormatIndicator === undefined ? 0 : 2) +
    (messageExpiryInterval === undefined ? 0 : 5) +
    (topicAlias === undefined ? 0 : 3) +
    sum(texts, (text) => (text === undefined ? 0 : 3 + bytesOf(text))) +
    sum(identifiers, (identifier) => 1 + varintSize(identifier)) +
    sum(Object.entries(userProperties), ([name, values]) =>
      sum([values].flat(), (value) => 5 + bytesOf(name) + bytesOf(value)),
    );
  return varintSize(length) + length;
}

function sum<Value>(values: readonly Value[], bytes: (value: Value) => number): number {
  return values.reduce((total, value) => total + bytes(value), 0);
}

/** Bytes of a value; text as UTF-8, without TextEncoder, which React Native may not have. */
function bytesOf(value: string | Uint8Array): number {
  if (typeof value !== 'string') return value.length;
  let bytes = 0;
  for (const character of value) {
    const code = character.codePointAt(0)!;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x1_0000 ? 3 : 4;
  }
  return bytes;
}
