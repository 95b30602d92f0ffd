import type { QueueItem } from './queued-message';

/**
 * Packet ids run from 1 to 65,535 [MQTT-2.2.1-4]. Those of the lower half belong to messages that have a slot of their own,
 * those of the upper half to bundles: so a packet id alone tells which slot it means, and how many messages that holds.
 */
const aloneIds = 32_767;
const firstBundled = 32_768;
const bundles = 4_096;

/** Messages in a bundle. */
export const bundleSize = 8;

/** What a bundle may hold, in bytes: each message that is acknowledged by itself costs a write of the whole. */
export const bundleBytes = 2_048;

/** What DynamoDB counts for a message beside its topic and payload, roughly. */
const messageOverhead = 40;

/**
 * How far the newest message may be ahead of the oldest unacknowledged one, in numbers. It stays well below the packet
 * ids, so that even a worker that reserved a number and then stalled never meets another in its slot.
 */
export const queueSpan = 16_384;

/** Where an outgoing message lies. It follows from its number and its neighbours: nothing is allocated or looked up. */
export interface QueuePosition {
  readonly number: number;
  readonly packetId: number;
  /** Packet id of the first message in the slot, which names it. */
  readonly slot: number;
}

/** The slot that a packet id means. */
export function slotOf(packetId: number): number {
  return isBundled(packetId) ? packetId - (packetId % bundleSize) : packetId;
}

export function isBundled(packetId: number): boolean {
  return packetId >= firstBundled;
}

/** Items by the packet id of each message that they still hold. */
export function byPacketId(items: readonly QueueItem[]): Map<number, QueueItem> {
  return new Map(items.flatMap((item) => item.messages.map(({ packetId }) => [packetId, item] as const)));
}

/** No two of 32,767 consecutive messages share a place. */
export function positionAlone(number: number): QueuePosition {
  const packetId = ((number - 1) % aloneIds) + 1;
  return { number, packetId, slot: packetId };
}

/** The slot of the bundle that begins with this number: bundles are eight numbers apart, so no two of 4,096 share one. */
export function bundleSlot(number: number): number {
  return firstBundled + (Math.floor(number / bundleSize) % bundles) * bundleSize;
}

/**
 * Places for consecutive messages, given by what they hold in bytes; `alone` for one that needs a slot of its own. Eight
 * small ones in a row share a slot, which is one item to write and to remove instead of eight.
 */
export function positionsFor(sizes: readonly (number | 'alone')[], first: number): QueuePosition[] {
  const places: QueuePosition[] = [];
  while (places.length < sizes.length) {
    const number = first + places.length;
    const next = sizes.slice(places.length, places.length + bundleSize);
    places.push(...(fitTogether(next) ? bundleAt(number) : [positionAlone(number)]));
  }
  return places;
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
