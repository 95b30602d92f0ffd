import { isUtf8 } from 'node:buffer';
import { decode } from '../protocol/codec/decode';
import { hasDeclaredFormat } from '../protocol/codec/decode-publish';
import { encode } from '../protocol/codec/encode';
import { disallowedCharacterInMessage } from '../protocol/disallowed-characters';
import type { ForwardedProperties, Message } from '../protocol/effects';
import { forwardedProperties } from '../protocol/forwarded-properties';
import { isDeliverable } from '../protocol/outgoing-publish';
import type { PublishPacket } from '../protocol/packets';
import { ProtocolError, Reason } from '../protocol/reason-codes';
import { isReservedTopic, isTopicName, quoteTopic } from '../protocol/topic';
import type { MessageJson, RetainedMessageJson, RetainedSummaryJson } from './schemas';

/** Packet Identifier of the encoded PUBLISH; the message does not contain it. */
const packetId = 1;

/**
 * Reads a message by the rules for a PUBLISH of an MQTT 5.0 client with packets of at most `maxPacketSize` bytes. `now` in
 * milliseconds since 1970.
 *
 * @throws ProtocolError if MQTT does not allow the message.
 */
export function readMessage(json: MessageJson, maxPacketSize: number, now: number): Message {
  const packet = toPacket(json);
  const disallowed = disallowedCharacterInMessage(packet);
  if (disallowed) throw new ProtocolError(Reason.malformedPacket, `a string of the message contains ${disallowed}`);
  const bytes = encode(packet, 5);
  if (bytes.length > maxPacketSize) {
    throw new ProtocolError(Reason.packetTooLarge, `its packet has ${bytes.length} bytes, more than ${maxPacketSize}`);
  }
  if (!isTopicName(packet.topic)) {
    throw new ProtocolError(Reason.topicNameInvalid, `${quoteTopic(packet.topic)} is not a topic name`);
  }
  decode(bytes, 5);
  if (isReservedTopic(packet.topic)) {
    throw new ProtocolError(Reason.notAuthorized, `${quoteTopic(packet.topic)} is reserved for the broker`);
  }
  if (!hasDeclaredFormat(packet)) throw new ProtocolError(Reason.payloadFormatInvalid, 'the payload is not UTF-8');
  const { topic, payload, qos, retain } = packet;
  const { messageExpiryInterval: expiry } = json;
  const message = {
    topic,
    payload,
    qos,
    retain,
    ...(expiry !== undefined && { expiresAt: now + expiry * 1000 }),
    ...forwardedProperties(packet.properties),
  };
  if (isDeliverable(message)) return message;
  throw new ProtocolError(Reason.packetTooLarge, 'the message is too large to be sent to subscribers');
}

function toPacket(json: MessageJson): PublishPacket {
  const { topic, text, payload, qos = 0, retain = false, userProperties, correlationData } = json;
  const { payloadFormatIndicator, messageExpiryInterval, contentType, responseTopic } = json;
  return {
    cmd: 'publish',
    topic,
    payload: text === undefined ? Buffer.from(payload ?? '', 'base64') : Buffer.from(text),
    qos,
    retain,
    dup: false,
    ...(qos > 0 && { messageId: packetId }),
    properties: {
      ...(payloadFormatIndicator !== undefined && { payloadFormatIndicator }),
      ...(messageExpiryInterval !== undefined && { messageExpiryInterval }),
      ...(contentType !== undefined && { contentType }),
      ...(responseTopic !== undefined && { responseTopic }),
      ...(correlationData !== undefined && { correlationData: Buffer.from(correlationData, 'base64') }),
      ...(userProperties && { userProperties: userProperties.map(({ name, value }) => [name, value] as const) }),
    },
  };
}

/** Describes a retained message without its payload. */
export function retainedSummaryJson({ topic, qos, payload, expiresAt }: Message): RetainedSummaryJson {
  const expiry = expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt).toISOString() };
  return { topic, qos, payloadBytes: payload.length, ...expiry };
}

export function retainedMessageJson(message: Message): RetainedMessageJson {
  const { payload, properties } = message;
  return {
    ...retainedSummaryJson(message),
    payload: payload.toString('base64'),
    ...(isUtf8(payload) && { text: payload.toString() }),
    ...(properties && propertiesJson(properties)),
  };
}

function propertiesJson({ correlationData, userProperties, ...rest }: ForwardedProperties) {
  return {
    ...rest,
    ...(correlationData && { correlationData: correlationData.toString('base64') }),
    ...(userProperties && { userProperties: userProperties.map(([name, value]) => ({ name, value })) }),
  };
}
