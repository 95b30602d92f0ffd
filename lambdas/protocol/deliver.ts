import { publishSize } from './codec/encode-publish';
import type { Message } from './effects';
import { identifierBytes, largestJson, maximumPacketSize } from './limits';
import { jsonSize } from './message-size';
import type { PublishPacket, QoS } from './packets';

/** How one message goes to one client. */
export interface Delivery {
  /** Downgraded already. */
  readonly qos: QoS;
  /** Present exactly when `qos` is 1 or 2. */
  readonly packetId?: number;
  readonly dup: boolean;
  readonly retain: boolean;
  /** Of the subscriptions that led here [MQTT-3.3.4-3] [MQTT-3.3.4-4]. */
  readonly identifiers?: readonly number[];
  /** Milliseconds since 1970; what is left of the expiry interval is counted from here [MQTT-3.3.2-6]. */
  readonly now: number;
}

/** The PUBLISH that delivers a message to a client. Its properties are left out where the client does not know any. */
export function toPublish(message: Message, delivery: Delivery): PublishPacket {
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
 * Bytes of the PUBLISH that delivers the message to a client of MQTT 5.0 at the QoS of its publisher, with the whole topic and all
 * properties, but without subscription identifiers. No other version and no lower QoS takes more.
 */
export function deliverySize(message: Message): number {
  return publishSize(toPublish(message, { qos: message.qos, dup: false, retain: false, now: 0 }), 5);
}

/**
 * Whether the message fits into a post to any subscriber, with `identifierBytes` of subscription identifiers, and as JSON into a
 * message of a queue: a character of its topic or properties may take six bytes there.
 */
export function isDeliverable(message: Message): boolean {
  const size = deliverySize(message);
  if (size + identifierBytes > maximumPacketSize) return false;
  return size <= largestJson / 6 || jsonSize(message) <= largestJson;
}

/** Whether nobody may be sent the message any more [MQTT-3.3.2-5]. */
export function isExpired({ expiresAt }: Message, now: number): boolean {
  return expiresAt !== undefined && expiresAt <= now;
}

/** A message goes out at the lower of the QoS it was published with and the QoS granted [v3 MQTT-3.8.4-6]. */
export function downgrade(published: QoS, granted: QoS): QoS {
  return published < granted ? published : granted;
}
