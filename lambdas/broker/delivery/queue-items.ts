import { messageSize } from '../../protocol/message-size';
import { type Delivery, idOf } from '../model/delivery';
import { type Place, placesFor } from '../model/queue-slots';
import type { OnceRecord, RingItem, RingMessage } from '../model/queued-message';
import type { SessionHead } from '../model/session';

/** Seconds a message for a session that ends with its connection may outlive that session. */
const transientSeconds = 24 * 3600;

/** Mail whose durable part is in the ring. */
export interface Placed {
  readonly head: SessionHead;
  readonly places: ReadonlyMap<Delivery, Place>;
}

/**
 * The head was returned by the reservation, so its counter is the last of the `reserved` numbers. When there are fewer messages
 * the last numbers stay unused, which harms nobody.
 */
export function numbered(head: SessionHead, deliveries: readonly Delivery[], reserved = deliveries.length): Placed {
  const isWindowed = head.capabilities.receiveMaximum !== undefined; // a bundle might never fit into the window
  const sizes = deliveries.map((delivery) => (isWindowed ? 'alone' : bytesInBundle(delivery)));
  const places = placesFor(sizes, head.outSeq - reserved + 1);
  return { head, places: new Map(deliveries.map((delivery, index) => [delivery, places[index] as Place])) };
}

/**
 * Whom a new message may be sent to at once: nobody while older ones still wait to be sent, or when the client might get more
 * than it takes at a time. Then the pump looks how many it has really got.
 */
export function liveOwner(head: SessionHead): string | undefined {
  const { receiveMaximum } = head.capabilities;
  const fits = receiveMaximum === undefined || head.outSeq - head.settled <= receiveMaximum;
  return fits && head.asked === head.answered ? head.owner : undefined;
}

/** A QoS 2 message is found again by its number, so it lies alone. */
function bytesInBundle({ arrival: { message }, qos }: Delivery): number | 'alone' {
  return qos === 2 ? 'alone' : messageSize(message);
}

/** Who published it no longer matters. */
function toRingMessage({ arrival, retain, identifiers, share }: Delivery, packetId: number): RingMessage {
  const { publisher: _, ...message } = arrival.message;
  return { packetId, message, retain, ...(identifiers && { identifiers }), ...(share && { share }) };
}

export function toRingItems(
  { head, places }: Placed,
  now: number,
  sentOn = liveOwner(head) ? head.fence : '',
): RingItem[] {
  const expiry = head.persistent ? {} : { expiresAt: Math.ceil(now / 1000) + transientSeconds };
  const items = new Map<number, RingItem & { messages: RingMessage[] }>();
  for (const [delivery, { number, packetId, slot }] of places) {
    const { qos } = delivery;
    if (qos === 0) continue;
    const content = toRingMessage(delivery, packetId);
    const begun = items.get(slot);
    if (begun) begun.messages.push(content);
    else {
      const id = qos === 2 ? { id: idOf(delivery) } : {};
      const state = 'published' as const;
      const { session } = head;
      items.set(slot, { session, slot, number, ...id, messages: [content], qos, state, sentOn, sentBy: '', ...expiry });
    }
  }
  return [...items.values()];
}

/** `now` in milliseconds since 1970. */
export function toOnce({ session, id, number }: RingItem, now: number): OnceRecord {
  return { session, id: id ?? '', number, done: false, routedAt: now };
}
