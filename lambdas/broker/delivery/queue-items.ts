import { messageSize } from '../../protocol/message-size';
import { type Delivery, deliveryId } from '../model/delivery';
import { positionsFor, type QueuePosition } from '../model/queue-slots';
import type { Qos2Record, QueuedMessage, QueueItem } from '../model/queued-message';
import type { SessionItem } from '../model/session';

/** Seconds a message for a session that ends with its connection may outlive that session. */
const transientSeconds = 24 * 3600;

/** Mail whose durable part is in the ring. */
export interface QueuedDeliveries {
  readonly head: SessionItem;
  readonly positions: ReadonlyMap<Delivery, QueuePosition>;
}

/**
 * The head was returned by the reservation, so its counter is the last of the `reserved` numbers. When there are fewer messages
 * the last numbers stay unused, which harms nobody.
 */
export function assignPositions(
  head: SessionItem,
  deliveries: readonly Delivery[],
  reserved = deliveries.length,
): QueuedDeliveries {
  const isWindowed = head.capabilities.receiveMaximum !== undefined; // a bundle might never fit into the window
  const sizes = deliveries.map((delivery) => (isWindowed ? 'alone' : bytesInBundle(delivery)));
  const places = positionsFor(sizes, head.outSeq - reserved + 1);
  return { head, positions: new Map(deliveries.map((delivery, index) => [delivery, places[index] as QueuePosition])) };
}

/**
 * Whom a new message may be sent to at once: nobody while older ones still wait to be sent, or when the client might get more
 * than it takes at a time. Then the pump looks how many it has really got.
 */
export function liveConnection(head: SessionItem): string | undefined {
  const { receiveMaximum } = head.capabilities;
  const fits = receiveMaximum === undefined || head.outSeq - head.acknowledgedUpTo <= receiveMaximum;
  return fits && head.wakeRequests === head.wakeHandled ? head.owner : undefined;
}

/** A QoS 2 message is found again by its number, so it lies alone. */
function bytesInBundle({ incoming: { message }, qos }: Delivery): number | 'alone' {
  return qos === 2 ? 'alone' : messageSize(message);
}

/** Who published it no longer matters. */
function toRingMessage({ incoming, retain, identifiers, share }: Delivery, packetId: number): QueuedMessage {
  const { publisher: _, ...message } = incoming.message;
  return { packetId, message, retain, ...(identifiers && { identifiers }), ...(share && { share }) };
}

export function toQueueItems(
  { head, positions }: QueuedDeliveries,
  now: number,
  sentOn = liveConnection(head) ? head.fence : '',
): QueueItem[] {
  const expiry = head.persistent ? {} : { expiresAt: Math.ceil(now / 1000) + transientSeconds };
  const items = new Map<number, QueueItem & { messages: QueuedMessage[] }>();
  for (const [delivery, { number, packetId, slot }] of positions) {
    const { qos } = delivery;
    if (qos === 0) continue;
    const content = toRingMessage(delivery, packetId);
    const begun = items.get(slot);
    if (begun) begun.messages.push(content);
    else {
      const id = qos === 2 ? { id: deliveryId(delivery) } : {};
      const state = 'published' as const;
      const { session } = head;
      items.set(slot, { session, slot, number, ...id, messages: [content], qos, state, sentOn, sentBy: '', ...expiry });
    }
  }
  return [...items.values()];
}

/** `now` in milliseconds since 1970. */
export function toQos2Record({ session, id, number }: QueueItem, now: number): Qos2Record {
  return { session, id: id ?? '', number, done: false, routedAt: now };
}
