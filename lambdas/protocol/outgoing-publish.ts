import { publishSize } from './codec/encode-publish';
import type { Message } from './effects';
import { gatewayMaxPacketSize, maxMessageJsonBytes, reservedIdentifierBytes } from './limits';
import { jsonSize } from './message-size';
import type { PublishPacket, QoS } from './packets';

/** Options of the PUBLISH that delivers one message to one client. */
export interface PublishOptions {
  /** Effective QoS, already downgraded to the granted QoS. */
  readonly qos: QoS;
  /** Present if and only if `qos` is 1 or 2. */
  readonly packetId?: number;
  readonly dup: boolean;
  readonly retain: boolean;
  /** Subscription Identifiers of all matching subscriptions [MQTT-3.3.4-3] [MQTT-3.3.4-4]. */
  readonly identifiers?: readonly number[];
  /** Current time in milliseconds since 1970. The Message Expiry Interval that is sent counts from here [MQTT-3.3.2-6]. */
  readonly now: number;
}

/** Builds the PUBLISH that delivers a message to a client. The encoder leaves out the properties for clients before MQTT 5.0. */
export function toPublish(message: Message, delivery: PublishOptions): PublishPacket {
  const { topic, payload, properties, expiresAt } = message;
  const { qos, packetId, dup, retain, identifiers, now } = delivery;
  const packet = { cmd: 'publish', topic, payload, qos, messageId: packetId, dup, retain } as const;
  if (!properties && expiresAt === undefined && !identifiers?.length) return packet;
  return {
    ...packet,
    properties: {
      ...properties,
      ...(expiresAt !== undefined && { messageExpiryInterval: Math.max(0, Math.ceil((expiresAt - now) / 1000)) }),
      ...(identifiers?.length && { subscriptionIdentifiers: identifiers }),
    },
  };
}

/**
 * Returns the bytes of the PUBLISH that delivers the message to an MQTT 5.0 client at the QoS of its publisher, with the full topic and
 * all properties, but without Subscription Identifiers. No other version and no lower QoS needs more bytes.
 */
export function deliverySize(message: Message): number {
  return publishSize(toPublish(message, { qos: message.qos, dup: false, retain: false, now: 0 }), 5);
}

/**
 * True if the message fits into one gateway post to any subscriber, including `reservedIdentifierBytes` for Subscription Identifiers, and
 * as JSON into one queue message. In JSON one character of the topic or properties takes up to six bytes.
 */
export function isDeliverable(message: Message): boolean {
  const size = deliverySize(message);
  if (size + reservedIdentifierBytes > gatewayMaxPacketSize) return false;
  return size <= maxMessageJsonBytes / 6 || jsonSize(message) <= maxMessageJsonBytes;
}

/** True if the message has expired and must not be delivered [MQTT-3.3.2-5]. */
export function isExpired({ expiresAt }: Message, now: number): boolean {
  return expiresAt !== undefined && expiresAt <= now;
}

/** Returns the lower of the published QoS and the granted QoS, the effective QoS of a delivery [v3 MQTT-3.8.4-6]. */
export function downgrade(published: QoS, granted: QoS): QoS {
  return published < granted ? published : granted;
}
