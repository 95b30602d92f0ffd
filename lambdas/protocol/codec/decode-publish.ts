import { isUtf8 } from 'node:buffer';
import type { MessageProperties, PublishPacket, PublishProperties, QoS } from '../packets';
import { isTopicName, quoteTopic } from '../topic';
import { malformedPacket, protocolError } from './errors';
import { readPacketId } from './packet-id';
import type { PacketReader } from './packet-reader';
import { allow, readProperties } from './read-properties';

/** A Subscription Identifier from a client is a Protocol Error. A property that PUBLISH does not have is a Malformed Packet. */
interface ReadProperties extends PublishProperties {
  readonly subscriptionIdentifier?: number;
}

/** Assigning optional fields is twice as fast as spreading them into a literal, for the most frequent packet. */
type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

const allowed = allow<ReadProperties>(
  'payloadFormatIndicator',
  'messageExpiryInterval',
  'topicAlias',
  'responseTopic',
  'correlationData',
  'userProperties',
  'subscriptionIdentifier',
  'contentType',
);

/** PUBLISH, section 3.3. */
export function decodePublish(reader: PacketReader, version: number): PublishPacket {
  const { header } = reader;
  const qos = (header >> 1) & 0x03;
  const dup = (header & 0x08) !== 0;
  const retain = (header & 0x01) !== 0;

  const topic = reader.text('topic name'); // [MQTT-3.3.2-1] [v3 MQTT-3.3.2-1]
  const messageId = qos > 0 ? readPacketId(reader, version) : undefined;
  const properties = version === 5 ? readProperties<ReadProperties>(reader, allowed) : undefined;
  checkTopic(topic, version, properties);
  const payload = reader.rest();
  const packet: Mutable<PublishPacket> = { cmd: 'publish', topic, payload, qos: qos as QoS, dup, retain };
  if (messageId !== undefined) packet.messageId = messageId;
  if (properties !== undefined) packet.properties = properties;
  return packet;
}

function checkTopic(topic: string, version: number, properties: ReadProperties | undefined): void {
  if (properties?.subscriptionIdentifier !== undefined) {
    throw protocolError('a client sent a subscription identifier'); // [MQTT-3.3.4-6]
  }
  if (isTopicName(topic) || (topic === '' && properties?.topicAlias !== undefined)) return;
  if (topic === '' && version === 5) throw protocolError('neither topic name nor topic alias'); // section 3.3.2.1
  throw malformedPacket(`${quoteTopic(topic)} is not a topic name`); // 0x90 is for well-formed topic names that are refused; [MQTT-3.3.2-2] [v3 MQTT-3.3.2-2]
}

/** True if the payload of a PUBLISH or a will is UTF-8, or if its Payload Format Indicator does not say so. */
export function hasDeclaredFormat(message: {
  readonly payload: Buffer;
  readonly properties?: MessageProperties;
}): boolean {
  return message.properties?.payloadFormatIndicator !== true || isUtf8(message.payload);
}
