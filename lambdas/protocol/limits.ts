import type { ClientCapabilities } from './effects';
import { maximumPacketSize } from './packet-splitter';

/** QoS 2 messages that a client may have sent and not released yet, the Receive Maximum of CONNACK. */
export const incomingQuota = 1024;

/** Bytes of a CONNECT with its will: what one frame of the gateway holds. More would be kept for clients nobody knows yet. */
export const largestConnect = 24_000;

/** Bytes of a client id: it stands in the record of the connection, in the head of the session and in each subscription. */
export const longestClientId = 1024;

/** Bytes of all topics that have an alias, in each direction. */
export const aliasTopicBytes = 4096;

/** Bytes of the largest packet that a client gets: its own limit, or that of a post [MQTT-3.1.2-24]. */
export function largestPacket(capabilities: ClientCapabilities): number {
  return Math.min(capabilities.maximumPacketSize ?? maximumPacketSize, maximumPacketSize);
}
