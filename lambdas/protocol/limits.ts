import type { ClientCapabilities } from './effects';

/** Maximum bytes of a packet, including its fixed header. API Gateway allows 128 KB per message, which hold 96 KB in base64. */
export const gatewayMaxPacketSize = 98_304;

/** Maximum bytes of a CONNECT with its will: the bytes that one gateway frame holds. A larger one would be stored before authentication. */
export const maxConnectBytes = 24_000;

/** Maximum bytes of a client id. It is stored in the connection, in the session item and in each subscription. */
export const maxClientIdBytes = 1024;

/** Maximum bytes of all topics with an alias on one connection, in each direction. */
export const maxAliasTopicBytes = 4096;

/** Bytes that a delivered PUBLISH reserves for Subscription Identifiers: 200 of maximum length, and their share of the Property Length. */
export const reservedIdentifierBytes = 1002;

/**
 * Maximum bytes of a packet from a client. It is less than `gatewayMaxPacketSize`, because the PUBLISH that delivers a message may be
 * larger than the one that published it: MQTT 5.0 adds a Property Length of 1 to 3 bytes, and Subscription Identifiers.
 */
export const maxIncomingPacketSize = 97_280;

/** Maximum bytes of a message as JSON. An SQS message holds 256 KiB, of which a fan-out job needs 96 KiB for its subscribers. */
export const maxMessageJsonBytes = 160_000;

/**
 * Maximum bytes of a topic filter as ASCII JSON, where one character takes up to six bytes. A fan-out job contains a filter beside a
 * message of up to `maxMessageJsonBytes`.
 */
export const maxFilterJsonBytes = 90_000;

/** Returns the maximum bytes of a packet to a client: its Maximum Packet Size, or the limit of a gateway post [MQTT-3.1.2-24]. */
export function maxOutgoingPacketSize(capabilities: ClientCapabilities): number {
  return Math.min(capabilities.maximumPacketSize ?? gatewayMaxPacketSize, gatewayMaxPacketSize);
}
