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
 * Numbers that may be reserved past the oldest message that still waits, whatever the queue limit says: beyond it a slot
 * could be taken twice.
 */
export const ringSpan = 60_000;
