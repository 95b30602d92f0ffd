import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Identity } from '../access/identity';
import type { PublishAllowance } from '../broker/model/publish-allowance';
import type { SubscriptionCounts } from '../broker/model/subscription';
import type { ClientCapabilities, ForwardedProperties, Message } from '../protocol/effects';
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

/** Identity of a client without a stored identity. */
export const anonymous: Identity = { kind: 'anonymous' };

/** Returns an identity as one attribute. No expression reads a part of it. */
export function identityAttribute(identity: Identity): AttributeValue {
  return text(JSON.stringify(identity));
}

export function readIdentity(value: AttributeValue | undefined): Identity {
  return value?.S === undefined ? anonymous : (JSON.parse(value.S) as Identity);
}

/** Returns the limits of a client as one small map; no attribute when it has none. */
export function capabilityAttributes(capabilities: ClientCapabilities): Item {
  const { receiveMaximum, maximumPacketSize, topicAliasMaximum, noProblemInformation } = capabilities;
  const M: Item = {
    ...(receiveMaximum === undefined ? {} : { receive: number(receiveMaximum) }),
    ...(maximumPacketSize === undefined ? {} : { size: number(maximumPacketSize) }),
    ...(topicAliasMaximum === undefined ? {} : { aliases: number(topicAliasMaximum) }),
    ...(noProblemInformation ? { terse: flag(true) } : {}),
  };
  return Object.keys(M).length > 0 ? { can: { M } } : {};
}

export function readCapabilities({ can }: Item): ClientCapabilities {
  const { receive, size, aliases, terse } = can?.M ?? {};
  return {
    ...(receive ? { receiveMaximum: readNumber(receive) } : {}),
    ...(size ? { maximumPacketSize: readNumber(size) } : {}),
    ...(aliases ? { topicAliasMaximum: readNumber(aliases) } : {}),
    ...(terse ? { noProblemInformation: true } : {}),
  };
}

export function subscribedAttribute({ all, shared }: SubscriptionCounts): AttributeValue {
  return { L: [number(all), number(shared)] };
}

export function readSubscriptionCounts({ subscribed }: Item): { readonly subscribed?: SubscriptionCounts } {
  if (!subscribed?.L) return {};
  const [all, shared] = subscribed.L;
  return { subscribed: { all: readNumber(all), shared: readNumber(shared) } };
}

/** A list instead of a map keeps it short: every turn that publishes writes it. */
export function allowanceAttribute({ messages, bytes: size, at }: PublishAllowance): AttributeValue {
  return { L: [number(Math.floor(messages)), number(Math.floor(size)), number(at)] };
}

export function readAllowance({ allowance }: Item): { readonly allowance?: PublishAllowance } {
  if (!allowance?.L) return {};
  const [messages, size, at] = allowance.L;
  return { allowance: { messages: readNumber(messages), bytes: readNumber(size), at: readNumber(at) } };
}

/** Returns packet ids as a binary attribute, two bytes for each. */
export function packetIdAttribute(packetIds: Iterable<number>): AttributeValue {
  return bytes(Buffer.from([...packetIds].flatMap((packetId) => [packetId >> 8, packetId & 0xff])));
}

export function readPacketIds(value: AttributeValue | undefined): number[] {
  const stored = readBytes(value);
  return Array.from({ length: stored.length / 2 }, (_, index) => stored.readUInt16BE(2 * index));
}
