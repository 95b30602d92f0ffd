import type { ClientCapabilities } from './effects';

/** Largest packet in bytes, fixed header included. API Gateway: 128 KB per message, of which base64 leaves 96 KB. */
export const maximumPacketSize = 98_304;

/** Bytes of a CONNECT with its will: what one frame of the gateway holds. More would be kept for clients nobody knows yet. */
export const largestConnect = 24_000;

/** Bytes of a client id: it stands in the record of the connection, in the head of the session and in each subscription. */
export const longestClientId = 1024;

/** Bytes of all topics that have an alias, in each direction. */
export const aliasTopicBytes = 4096;

/** Bytes that a delivered PUBLISH keeps free for subscription identifiers: 200 of the longest, and their part of the property length. */
export const identifierBytes = 1002;

/**
 * Bytes of the largest packet that a client may send. Its message leaves in a packet of up to `maximumPacketSize`, which may be
 * larger: MQTT 5.0 adds a property length of 1 to 3 bytes to what a client of MQTT 3.1.1 sent, and subscription identifiers.
 */
export const largestIncoming = 97_280;

/** Bytes of a message as JSON: SQS takes 256 KiB, in which a job for a large audience has 96 KiB of subscribers as well. */
export const largestJson = 160_000;

/** Bytes of a topic filter as JSON in ASCII, where a character may take six: in a job it stands beside a message of `largestJson`. */
export const largestFilterJson = 90_000;

/** Bytes of the largest packet that a client gets: its own limit, or that of a post [MQTT-3.1.2-24]. */
export function largestPacket(capabilities: ClientCapabilities): number {
  return Math.min(capabilities.maximumPacketSize ?? maximumPacketSize, maximumPacketSize);
}
