import { isUtf8 } from 'node:buffer';
import { decode } from '../protocol/codec/decode';
import { hasDeclaredFormat } from '../protocol/codec/decode-publish';
import { encode } from '../protocol/codec/encode';
import { disallowedCharacterInMessage } from '../protocol/disallowed-characters';
import type { ForwardedProperties, Message } from '../protocol/effects';
import { forwardedProperties } from '../protocol/forwarded-properties';
import { isDeliverable } from '../protocol/outgoing-publish';
import type { PublishPacket, QoS } from '../protocol/packets';
import { ProtocolError, Reason } from '../protocol/reason-codes';
import { isReservedTopic, isTopicName, quoteTopic } from '../protocol/topic';

/** A message as a backend writes it; its form was checked before. */
export interface MessageJson {
  readonly topic: string;
  readonly text?: string;
  readonly payload?: string;
  readonly qos?: QoS;
  readonly retain?: boolean;
  readonly payloadFormatIndicator?: boolean;
  readonly messageExpiryInterval?: number;
  readonly contentType?: string;
  readonly responseTopic?: string;
  readonly correlationData?: string;
  readonly userProperties?: readonly { readonly name: string; readonly value: string }[];
}

/** Any packet id will do: it leaves no trace in the message. */
const somePacketId = 1;

/**
 * The message, held to the same rules as if a client of MQTT 5.0 had sent it in a PUBLISH of so many bytes at most. `now` in
 * milliseconds since 1970.
 *
 * @throws ProtocolError when MQTT does not allow it.
 */
export function readMessage(json: MessageJson, largest: number, now: number): Message {
  const packet = toPacket(json);
  const unclean = disallowedCharacterInMessage(packet);
  if (unclean) throw new ProtocolError(Reason.malformedPacket, `a string of the message contains ${unclean}`);
  const bytes = encode(packet, 5);
  if (bytes.length > largest) {
    throw new ProtocolError(Reason.packetTooLarge, `its packet has ${bytes.length} bytes, more than ${largest}`);
  }
  if (!isTopicName(packet.topic)) {
    throw new ProtocolError(Reason.topicNameInvalid, `${quoteTopic(packet.topic)} is not a topic name`);
  }
  decode(bytes, 5);
  if (isReservedTopic(packet.topic)) {
    throw new ProtocolError(Reason.notAuthorized, `${quoteTopic(packet.topic)} is for the broker alone`);
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
  throw new ProtocolError(Reason.packetTooLarge, 'the message is larger than its subscribers can be sent');
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
    ...(qos > 0 && { messageId: somePacketId }),
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

/** What is retained, without its payload. */
export function summaryOf({ topic, qos, payload, expiresAt }: Message) {
  const until = expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt).toISOString() };
  return { topic, qos, payloadBytes: payload.length, ...until };
}

/** What is retained, as a whole. */
export function messageJson(message: Message) {
  const { payload, properties } = message;
  return {
    ...summaryOf(message),
    payload: payload.toString('base64'),
    ...(isUtf8(payload) && { text: payload.toString() }),
    ...(properties && propertiesJson(properties)),
  };
}

function propertiesJson({ correlationData, userProperties, ...plain }: ForwardedProperties) {
  return {
    ...plain,
    ...(correlationData && { correlationData: correlationData.toString('base64') }),
    ...(userProperties && { userProperties: userProperties.map(([name, value]) => ({ name, value })) }),
  };
}
