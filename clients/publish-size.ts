/** Options of `publish` of MQTT.js that make a packet longer. */
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

/** Bytes of a PUBLISH, fixed header included, section 3.3. A topic that an alias replaces counts in full. */
export function publishBytes(
  topic: string,
  payload: string | Uint8Array,
  { qos = 0, properties = {} }: PublishOptions,
  hasProperties: boolean,
): number {
  const variable = 2 + bytesOf(topic) + (qos > 0 ? 2 : 0) + (hasProperties ? propertiesBytes(properties) : 0);
  const remaining = variable + bytesOf(payload);
  return 1 + integerBytes(remaining) + remaining;
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
    sum(identifiers, (identifier) => 1 + integerBytes(identifier)) +
    sum(Object.entries(userProperties), ([name, values]) =>
      sum([values].flat(), (value) => 5 + bytesOf(name) + bytesOf(value)),
    );
  return integerBytes(length) + length;
}

function sum<Value>(values: readonly Value[], bytes: (value: Value) => number): number {
  return values.reduce((total, value) => total + bytes(value), 0);
}

/** Bytes of a variable byte integer, section 1.5.5. */
function integerBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  return value < 0x20_0000 ? 3 : 4;
}

/** Bytes of a value, of a text those of UTF-8; counted by hand, because not every React Native has a TextEncoder. */
function bytesOf(value: string | Uint8Array): number {
  if (typeof value !== 'string') return value.length;
  let bytes = 0;
  for (const character of value) {
    const code = character.codePointAt(0)!;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x1_0000 ? 3 : 4;
  }
  return bytes;
}
