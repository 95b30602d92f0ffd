import { hasDeclaredFormat } from '../codec/decode-publish';
import type { Effect, Message } from '../effects';
import { forwardedProperties } from '../forwarded-properties';
import { isDeliverable } from '../outgoing-publish';
import type { PublishPacket } from '../packets';
import { ProtocolError, Reason } from '../reason-codes';
import type { SessionView } from '../session-view';
import { isReservedTopic } from '../topic';

/**
 * PUBLISH, section 3.3. A QoS 2 message is stored until PUBREL. `now` is its arrival time in milliseconds since 1970.
 *
 * @throws ProtocolError if the message is refused and no acknowledgement can say so.
 */
export function handlePublish(packet: PublishPacket, session: SessionView, now: number): Effect[] {
  const refusal = refusalOf(packet, session);
  if (refusal === Reason.notAuthorized) {
    return [{ do: 'deny', action: 'publish', topic: packet.topic }, ...refuse(packet, session, refusal)];
  }
  if (refusal !== undefined) return refuse(packet, session, refusal);
  const message = messageOf(packet, session, now);
  if (!isDeliverable(message)) return refuseTooLarge(packet, session);
  // Store first, then acknowledge: a crash between the two leads to a retransmission, never to a lost message.
  return [...storeOrAccept(packet, message), ...acknowledge(packet)];
}

function refusalOf(packet: PublishPacket, { permissions }: SessionView): number | undefined {
  if (isReservedTopic(packet.topic) || !permissions.mayPublish(packet)) return Reason.notAuthorized;
  return hasDeclaredFormat(packet) ? undefined : Reason.payloadFormatInvalid; // section 3.3.2.3.2
}

/**
 * Refuses a message with a reason code. MQTT 3.1.1 has no negative acknowledgement: a server either sends a positive one or closes the
 * connection [v3 MQTT-3.3.5-2]. This broker acknowledges and drops the message, like Mosquitto.
 */
function refuse(packet: PublishPacket, { version }: SessionView, reasonCode: number): Effect[] {
  const { qos, messageId } = packet;
  if (qos > 0 && messageId !== undefined) {
    const reason = version === 5 ? { reasonCode } : {};
    return [{ do: 'send', packet: { cmd: qos === 1 ? 'puback' : 'pubrec', messageId, ...reason } }];
  }
  if (reasonCode === Reason.payloadFormatInvalid) throw new ProtocolError(reasonCode, 'the payload is not UTF-8');
  return [];
}

/**
 * Refuses a message whose deliveries would be larger than a gateway post, for example because its topic was sent as an alias. PUBACK and
 * PUBREC do not have the reason code 0x95, so that they use 0x97. At QoS 0 only DISCONNECT has a reason code.
 */
function refuseTooLarge(packet: PublishPacket, session: SessionView): Effect[] {
  if (packet.qos > 0 && session.version === 5) return refuse(packet, session, Reason.quotaExceeded);
  throw new ProtocolError(Reason.packetTooLarge, 'the message is too large to deliver');
}

function storeOrAccept(packet: PublishPacket, message: Message): Effect[] {
  if (packet.qos < 2) return [{ do: 'accept', message }]; // [v3 MQTT-4.3.1-1] [v3 MQTT-4.3.2-2]
  return [{ do: 'hold', packetId: packet.messageId!, message }]; // a retransmission finds it stored [v3 MQTT-4.3.3-2]
}

function acknowledge({ qos, messageId, topic }: PublishPacket): Effect[] {
  if (qos === 0 || messageId === undefined) return [];
  return [{ do: 'acknowledge', cmd: qos === 1 ? 'puback' : 'pubrec', packetId: messageId, topic }]; // [v3 MQTT-3.3.4-1] [v3 MQTT-2.3.1-6]
}

/** Builds the Application Message. DUP and Topic Alias belong to this connection and are not forwarded [v3 MQTT-3.3.1-3]. */
function messageOf(packet: PublishPacket, { clientId, version }: SessionView, now: number): Message {
  const { topic, payload, qos, retain } = packet;
  if (version < 5) return { topic, payload, qos, retain, publisher: clientId };
  const expiry = packet.properties?.messageExpiryInterval;
  return {
    topic,
    payload,
    qos,
    retain,
    publisher: clientId,
    ...(expiry !== undefined && { expiresAt: now + expiry * 1000 }),
    ...forwardedProperties(packet.properties),
  };
}
