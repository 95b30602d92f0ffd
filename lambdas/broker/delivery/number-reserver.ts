import type { Settings } from '../../settings';
import { isSessionExpired, leftoverDelay } from '../expiry/expired-session';
import type { Delivery, SessionDeliveries } from '../model/delivery';
import type { SessionId } from '../model/fence';
import type { SessionItem } from '../model/session';
import type { Ports } from '../ports/ports';
import { freeNumbers, refillCapacity } from './queue-capacity';
import { assignPositions, type QueuedDeliveries } from './queue-items';
import { mayReceiveOf } from './receive-permission';

/** Numbers that are being reserved for a session. */
interface Reservation {
  readonly count: number;
  readonly item: Promise<SessionItem | 'refused'>;
}

export type Reservations = ReadonlyMap<SessionId, Reservation>;

/** Result of a reservation: deliveries with their positions and the number that did not fit, or an ended session. */
export type ReservationResult =
  | { readonly queued?: QueuedDeliveries; readonly dropped: number }
  | { readonly ended: SessionItem | undefined };

/** Reserves consecutive sequence numbers in the outbound queues of sessions. A number decides the packet id and the slot. */
export class NumberReserver {
  private readonly ports: Ports;
  private readonly settings: Pick<Settings, 'queueLimit'>;

  constructor({ ports, settings }: { readonly ports: Ports; readonly settings: Pick<Settings, 'queueLimit'> }) {
    this.ports = ports;
    this.settings = settings;
  }

  /** Begins to reserve numbers for deliveries of QoS 1 and 2. Numbers that are not used in the end stay unused. */
  reserveAhead(durable: readonly SessionDeliveries[]): Reservations {
    return new Map(
      durable.map(({ clientId, session, deliveries: { length: count } }) => {
        const item = this.ports.sessions.reserve(clientId, session, count);
        item.catch(() => undefined); // the caller that awaits it gets the error
        return [session, { count, item }];
      }),
    );
  }

  /**
   * Reserves a number for each delivery of a session. Drops messages that the client may not receive.
   *
   * @param ahead The result of `reserveAhead` for this session, which is used if it has the right count.
   */
  async reserve(entry: SessionDeliveries, ahead: Reservation | undefined): Promise<ReservationResult> {
    const { deliveries, stillWanted } = entry;
    const item = await this.reserveAll(entry, ahead);
    if (item === 'refused') return this.reserveWhatFits(entry);
    if (item === 'full') return { dropped: deliveries.length };
    if (isSessionExpired(item, this.ports.now() - leftoverDelay)) return { ended: item };
    const permitted = await this.permitted(item, deliveries);
    const wanted = stillWanted ? await stillWanted(permitted) : permitted;
    return { queued: assignPositions(item, wanted, deliveries.length), dropped: 0 };
  }

  private reserveAll(
    entry: SessionDeliveries,
    ahead: Reservation | undefined,
  ): Promise<SessionItem | 'refused' | 'full'> {
    const { clientId, session, deliveries, stillWanted } = entry;
    if (stillWanted) return this.reserveForRetained(entry);
    if (ahead?.count === deliveries.length) return ahead.item;
    return this.ports.sessions.reserve(clientId, session, deliveries.length);
  }

  /**
   * Reserves numbers for retained messages, which the client itself has asked for: the queue limit does not apply, but packet ids have
   * to be free. Returns `full` when too few are, else the session item as it was before this reservation requested a wake: it tells
   * whether older messages wait.
   */
  private async reserveForRetained({
    clientId,
    session,
    deliveries,
  }: SessionDeliveries): Promise<SessionItem | 'refused' | 'full'> {
    for (;;) {
      const item = await this.ports.sessions.reserveAndRequestWake(clientId, session, deliveries.length);
      if (item !== 'refused') return { ...item, wakeRequests: item.wakeRequests - 1 };
      const seen = await this.ports.sessions.read(clientId);
      if (seen?.session !== session) return 'refused';
      const capacity = await freeNumbers(this.ports, seen);
      if (capacity < deliveries.length) return 'full';
      await this.ports.sessions.setQueueCapacity(seen, capacity);
    }
  }

  private async reserveWhatFits(entry: SessionDeliveries): Promise<ReservationResult> {
    const { clientId, session, deliveries } = entry;
    for (;;) {
      const capacity = await refillCapacity(this.ports, this.settings, entry);
      if (typeof capacity !== 'number') return capacity;
      const fitting = deliveries.slice(0, capacity);
      const dropped = deliveries.length - fitting.length;
      if (fitting.length === 0) return { dropped };
      const item = await this.ports.sessions.reserve(clientId, session, fitting.length);
      if (item === 'refused') continue; // another publisher was faster
      return { queued: assignPositions(item, await this.permitted(item, fitting), fitting.length), dropped };
    }
  }

  private async permitted(item: SessionItem, deliveries: readonly Delivery[]): Promise<readonly Delivery[]> {
    const mayReceive = await mayReceiveOf(this.ports, item);
    return deliveries.filter(({ incoming }) => mayReceive(incoming.message.topic));
  }
}
