/** Packet ids run from 1 to 65,535 [MQTT-2.2.1-3]. */
const packetIds = 65_535;

/**
 * The packet id of an outgoing message, which is also its slot. It follows from the message's number alone, and no two
 * of 65,535 consecutive messages share one, so nothing is allocated and nothing looked up.
 */
export function packetIdOf(number: number): number {
  return ((number - 1) % packetIds) + 1;
}

/**
 * How far the newest message may be ahead of the oldest unacknowledged one, in numbers. It stays well below the packet
 * ids, so that even a worker that reserved a number and then stalled never meets another in its slot.
 */
export const ringSpan = 16_384;
