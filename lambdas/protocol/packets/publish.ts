import { hasDeclaredFormat } from '../codec/decode-publish';
import type { Effect, Message } from '../effects';
import { forwardedProperties } from '../forwarded-properties';
import { isDeliverable } from '../outgoing-publish';
import type { PublishPacket } from '../packets';
import { ProtocolError, Reason } from '../reason-codes';
import type { SessionView } from '../session-view';
import { isReservedTopic } from '../topic';

/** PUBLISH, section 3.3. QoS 2 keeps the message until PUBREL releases it. `now`: when it arrived, milliseconds since 1970. */
export function handlePublish(packet: PublishPacket, session: SessionView, now: number): Effect[] {
  const refusal = refusalOf(packet, session);
  if (refusal === Reason.notAuthorized) {
    return [{ do: 'deny', action: 'publish', topic: packet.topic }, ...refuse(packet, session, refusal)];
  }
  if (refusal !== undefined) return refuse(packet, session, refusal);
  const message = messageOf(packet, session, now);
  if (!isDeliverable(message)) return refuseTooLarge(packet, session);
  // Own it, then say so: a crash between the two costs a resend, never a message.
  return [...storeOrAccept(packet, message), ...acknowledge(packet)];
}

function refusalOf(packet: PublishPacket, { permissions }: SessionView): number | undefined {
  if (isReservedTopic(packet.topic) || !permissions.mayPublish(packet)) return Reason.notAuthorized;
  return hasDeclaredFormat(packet) ? undefined : Reason.payloadFormatInvalid; // section 3.3.2.3.2
}

/**
 * MQTT 3.1.1 has no word for "not allowed here" but a positive acknowledgement or the end of the connection
 * [v3 MQTT-3.3.5-2]. Mosquitto acknowledges and drops, and so does this broker.
 */
function refuse(packet: PublishPacket, { version }: SessionView, reasonCode: number): Effect[] {
  const { qos, messageId } = packet;
  if (qos > 0 && messageId !== undefined) {
    const said = version === 5 ? { reasonCode } : {};
    return [{ do: 'send', packet: { cmd: qos === 1 ? 'puback' : 'pubrec', messageId, ...said } }];
  }
  if (reasonCode === Reason.payloadFormatInvalid) throw new ProtocolError(reasonCode, 'the payload is not UTF-8');
  return [];
}

/**
 * Refuses a message that would be larger on its way out than a post may be, for example because its topic came as an alias.
 * PUBACK and PUBREC have no code for a packet that is too large, so 0x97 tells it; at QoS 0 only a DISCONNECT can.
 */
function refuseTooLarge(packet: PublishPacket, session: SessionView): Effect[] {
  if (packet.qos > 0 && session.version === 5) return refuse(packet, session, Reason.quotaExceeded);
  throw new ProtocolError(Reason.packetTooLarge, 'the message is larger than its subscribers can be sent');
}

function storeOrAccept(packet: PublishPacket, message: Message): Effect[] {
  if (packet.qos < 2) return [{ do: 'accept', message }]; // [v3 MQTT-4.3.1-1] [v3 MQTT-4.3.2-2]
  return [{ do: 'hold', packetId: packet.messageId!, message }]; // a repeat finds it held [v3 MQTT-4.3.3-2]
}

function acknowledge({ qos, messageId, topic }: PublishPacket): Effect[] {
  if (qos === 0 || messageId === undefined) return [];
  return [{ do: 'acknowledge', cmd: qos === 1 ? 'puback' : 'pubrec', packetId: messageId, topic }]; // [v3 MQTT-3.3.4-1] [v3 MQTT-2.3.1-6]
}

/** DUP stays behind: it speaks of this hop only [v3 MQTT-3.3.1-3]. So does a topic alias. */
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
