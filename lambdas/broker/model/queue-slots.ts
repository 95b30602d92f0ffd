import type { QueueItem } from './queued-message';

/**
 * Packet ids run from 1 to 65,535 [MQTT-2.2.1-4]. The lower half is for messages that have a slot of their own, the upper half for
 * bundles: a packet id alone tells its slot, and how many messages the slot holds.
 */
const aloneIds = 32_767;
const firstBundled = 32_768;
const bundles = 4_096;

/** Messages in a bundle, at QoS 1. */
export const bundleSize = 8;

/** Bytes that a bundle may hold. Each message that is acknowledged by itself costs a write of the whole bundle. */
export const bundleBytes = 2_048;

/** Bytes that DynamoDB counts for a message beside its topic and payload, roughly. */
const messageOverhead = 40;

/**
 * Numbers that the newest message may be ahead of the oldest unacknowledged one. It is well below the number of packet ids, so that
 * even a worker that reserved a number and then stalled never finds another message in its slot.
 */
export const queueSpan = 16_384;

/** Position of an outgoing message. It follows from its number and its neighbours: nothing is allocated or read. */
export interface QueuePosition {
  readonly number: number;
  readonly packetId: number;
  /** Packet id of the first message in the slot, which names it. */
  readonly slot: number;
}

/** Returns the slot of a packet id. */
export function slotOf(packetId: number): number {
  return isBundled(packetId) ? packetId - (packetId % bundleSize) : packetId;
}

export function isBundled(packetId: number): boolean {
  return packetId >= firstBundled;
}

/** Returns items by the packet id of each message that they still hold. */
export function byPacketId(items: readonly QueueItem[]): Map<number, QueueItem> {
  return new Map(items.flatMap((item) => item.messages.map(({ packetId }) => [packetId, item] as const)));
}

/** Returns the position of a message in a slot of its own. No two of 32,767 consecutive messages share one. */
export function positionAlone(number: number): QueuePosition {
  const packetId = ((number - 1) % aloneIds) + 1;
  return { number, packetId, slot: packetId };
}

/** Returns the slot of the bundle that begins with this number. Bundles are eight numbers apart, so no two of 4,096 share one. */
export function bundleSlot(number: number): number {
  return firstBundled + (Math.floor(number / bundleSize) % bundles) * bundleSize;
}

/**
 * Returns positions for consecutive messages. Eight small messages in a row share a slot, which is one item to write and to remove
 * instead of eight.
 *
 * @param sizes Bytes of each message, or `alone` for one that needs a slot of its own.
 * @param first Number of the first message.
 */
export function positionsFor(sizes: readonly (number | 'alone')[], first: number): QueuePosition[] {
  const positions: QueuePosition[] = [];
  while (positions.length < sizes.length) {
    const number = first + positions.length;
    const next = sizes.slice(positions.length, positions.length + bundleSize);
    positions.push(...(fitTogether(next) ? bundleAt(number) : [positionAlone(number)]));
  }
  return positions;
}

function bundleAt(first: number): QueuePosition[] {
  const slot = bundleSlot(first);
  return Array.from({ length: bundleSize }, (_, index) => ({ number: first + index, packetId: slot + index, slot }));
}

function fitTogether(sizes: readonly (number | 'alone')[]): boolean {
  if (sizes.length < bundleSize) return false;
  const total = sizes.reduce<number>((sum, size) => sum + (size === 'alone' ? bundleBytes : size + messageOverhead), 0);
  return total <= bundleBytes;
}
