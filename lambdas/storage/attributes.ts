import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { ForwardedProperties, Message } from '../protocol/effects';
import type { ProtocolVersion, QoS } from '../protocol/packets';
import type { Item } from './dynamo';

export function text(value: string): AttributeValue {
  return { S: value };
}

export function number(value: number): AttributeValue {
  return { N: String(value) };
}

export function flag(value: boolean): AttributeValue {
  return { BOOL: value };
}

export function bytes(value: Buffer): AttributeValue {
  return { B: value };
}

export function readText(value: AttributeValue | undefined): string {
  return value?.S ?? '';
}

/**
 * Reads a protocol version. Release 0.1 stored none, because it supported MQTT 3.1.1 only.
 *
 * @throws Error for any other value than 3, 4 and 5
 */
export function readVersion(value: AttributeValue | undefined): ProtocolVersion {
  const version = value ? readNumber(value) : 4;
  if (version !== 3 && version !== 4 && version !== 5) throw new Error(`protocol version ${version} is not 3, 4 or 5`);
  return version;
}

export function readNumber(value: AttributeValue | undefined): number {
  return Number(value?.N ?? 0);
}

export function readFlag(value: AttributeValue | undefined): boolean {
  return value?.BOOL === true;
}

/** Returns the bytes of an attribute; empty when it is absent. */
export function readBytes(value: AttributeValue | undefined): Buffer {
  const data = value?.B;
  return data ? Buffer.from(data.buffer, data.byteOffset, data.byteLength) : Buffer.alloc(0);
}

/** Returns a message as attributes. An empty payload is stored as an absent attribute. */
export function messageAttributes(message: Message): Item {
  return {
    name: text(message.topic),
    ...(message.payload.length > 0 ? { payload: bytes(message.payload) } : {}),
    qos: number(message.qos),
    retain: flag(message.retain),
    ...(message.publisher === undefined ? {} : { publisher: text(message.publisher) }),
    ...(message.expiresAt === undefined ? {} : { until: number(message.expiresAt) }),
    ...(message.properties ? { properties: { M: propertyAttributes(message.properties) } } : {}),
    ...(message.origin === undefined ? {} : { origin: text(message.origin) }),
  };
}

function propertyAttributes(properties: ForwardedProperties): Item {
  const { payloadFormatIndicator, contentType, responseTopic, correlationData, userProperties } = properties;
  return {
    ...(payloadFormatIndicator === undefined ? {} : { format: flag(payloadFormatIndicator) }),
    ...(contentType === undefined ? {} : { type: text(contentType) }),
    ...(responseTopic === undefined ? {} : { response: text(responseTopic) }),
    ...(correlationData === undefined ? {} : { correlation: bytesOrNothing(correlationData) }),
    ...(userProperties === undefined ? {} : { user: { L: userProperties.flat().map(text) } }),
  };
}

/**
 * Empty correlation data is stored as NULL: some engines that the contract tests run on refuse an empty binary value.
 */
function bytesOrNothing(value: Buffer): AttributeValue {
  return value.length > 0 ? bytes(value) : { NULL: true };
}

export function readMessage(item: Item): Message {
  return {
    topic: readText(item.name),
    payload: readBytes(item.payload),
    qos: readNumber(item.qos) as QoS,
    retain: readFlag(item.retain),
    ...(item.publisher ? { publisher: readText(item.publisher) } : {}),
    ...(item.until ? { expiresAt: readNumber(item.until) } : {}),
    ...(item.properties?.M ? { properties: readProperties(item.properties.M) } : {}),
    ...(item.origin ? { origin: 'bridge' } : {}),
  };
}

function readProperties({ format, type, response, correlation, user }: Item): ForwardedProperties {
  return {
    ...(format ? { payloadFormatIndicator: readFlag(format) } : {}),
    ...(type ? { contentType: readText(type) } : {}),
    ...(response ? { responseTopic: readText(response) } : {}),
    ...(correlation ? { correlationData: readBytes(correlation) } : {}),
    ...(user ? { userProperties: readPairs(user.L ?? []) } : {}),
  };
}

function readPairs(list: readonly AttributeValue[]): [string, string][] {
  return Array.from({ length: list.length / 2 }, (_, index) => [
    readText(list[2 * index]),
    readText(list[2 * index + 1]),
  ]);
}
