import { messageSize } from '../../protocol/message-size';
import { type Delivery, deliveryId } from '../model/delivery';
import { positionsFor, type QueuePosition } from '../model/queue-slots';
import type { Qos2Record, QueuedMessage, QueueItem } from '../model/queued-message';
import type { SessionItem } from '../model/session';

/** Seconds for which a message may outlive its session, where the session ends with its connection. */
const transientSeconds = 24 * 3600;

/** Deliveries of QoS 1 and 2 to one session, with their positions in its queue. */
export interface QueuedDeliveries {
  /** The session item that the reservation has returned. */
  readonly item: SessionItem;
  readonly positions: ReadonlyMap<Delivery, QueuePosition>;
}

/**
 * Assigns the reserved numbers to deliveries. `item.outSeq` is the last of the `reserved` numbers, because the reservation has returned
 * the item. Numbers beyond the deliveries stay unused, which does no harm.
 */
export function assignPositions(
  item: SessionItem,
  deliveries: readonly Delivery[],
  reserved = deliveries.length,
): QueuedDeliveries {
  const isWindowed = item.capabilities.receiveMaximum !== undefined; // a bundle might never fit into the window
  const sizes = deliveries.map((delivery) => (isWindowed ? 'alone' : bytesInBundle(delivery)));
  const positions = positionsFor(sizes, item.outSeq - reserved + 1);
  const byDelivery = deliveries.map((delivery, index) => [delivery, positions[index] as QueuePosition] as const);
  return { item, positions: new Map(byDelivery) };
}

/**
 * Returns the connection to which a new message may be sent at once. Returns undefined while older messages wait, or when the message
 * might exceed the Receive Maximum of the client: then a drain counts the unacknowledged messages.
 */
export function liveConnection(item: SessionItem): string | undefined {
  const { receiveMaximum } = item.capabilities;
  const fits = receiveMaximum === undefined || item.outSeq - item.acknowledgedUpTo <= receiveMaximum;
  return fits && item.wakeRequests === item.wakeHandled ? item.owner : undefined;
}

/** A QoS 2 message has a slot of its own, because retries find it by its number. */
function bytesInBundle({ incoming: { message }, qos }: Delivery): number | 'alone' {
  return qos === 2 ? 'alone' : messageSize(message);
}

/** The publisher is left out: it matters only for No Local, which is decided by now. */
function toQueuedMessage({ incoming, retain, identifiers, share }: Delivery, packetId: number): QueuedMessage {
  const { publisher: _, ...message } = incoming.message;
  return { packetId, message, retain, ...(identifiers && { identifiers }), ...(share && { share }) };
}

/**
 * Returns the queue items of deliveries, one for each slot.
 *
 * @param now Milliseconds since 1970.
 * @param sentOn The fence of the connection to which they are sent at once, or '' if they wait.
 */
export function toQueueItems(
  { item, positions }: QueuedDeliveries,
  now: number,
  sentOn = liveConnection(item) ? item.fence : '',
): QueueItem[] {
  const { session, persistent } = item;
  const expiry = persistent ? {} : { expiresAt: Math.ceil(now / 1000) + transientSeconds };
  const items = new Map<number, QueueItem & { messages: QueuedMessage[] }>();
  for (const [delivery, { number, packetId, slot }] of positions) {
    const { qos } = delivery;
    if (qos === 0) continue;
    const message = toQueuedMessage(delivery, packetId);
    const bundle = items.get(slot);
    if (bundle) bundle.messages.push(message);
    else {
      const id = qos === 2 ? { id: deliveryId(delivery) } : {};
      const state = 'published' as const;
      items.set(slot, { session, slot, number, ...id, messages: [message], qos, state, sentOn, sentBy: '', ...expiry });
    }
  }
  return [...items.values()];
}

/** Returns the record by which a retry finds a QoS 2 message. `now` in milliseconds since 1970. */
export function toQos2Record({ session, id, number }: QueueItem, now: number): Qos2Record {
  return { session, id: id ?? '', number, done: false, routedAt: now };
}
