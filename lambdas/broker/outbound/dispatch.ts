import { inParallel, together } from '../../shared/parallel';
import type { SessionId } from '../model/fence';
import type { QueueItem } from '../model/queued-message';
import type { SessionItem } from '../model/session';
import type { Ports } from '../ports/ports';
import { isDrainScheduled } from './congestion';
import { Outbox, type OutboxOptions, type QueueSource } from './outbox';

/** Sessions worked on at the same time. */
const parallelSessions = 50;

/** Queue items that were put for a client whose owner has to be checked again. */
interface OwnerCheck {
  /** The connection to which the items are posted, or undefined if they wait. */
  readonly postedTo: string | undefined;
  readonly items: readonly QueueItem[];
}

/** Packets to send in one turn, and sessions whose owner must be checked again afterwards. */
export class Dispatch {
  readonly outbox: Outbox;
  private readonly ports: Ports;
  /** By client id. */
  private ownerChecks = new Map<string, OwnerCheck>();
  private callbacks: (() => Promise<void>)[] = [];
  private readonly dropped: { readonly session: SessionId; readonly packetId: number }[] = [];

  constructor(options: OutboxOptions) {
    this.ports = options.ports;
    this.outbox = new Outbox(options);
  }

  /** Notes that items were put into the queue of a client, and the connection they are posted to, or undefined if they wait. */
  addQueued(clientId: string, postedTo: string | undefined, items: readonly QueueItem[] = []): void {
    const earlier = this.ownerChecks.get(clientId);
    const isConsistent = !earlier || earlier.postedTo === postedTo;
    this.ownerChecks.set(clientId, {
      postedTo: isConsistent ? postedTo : undefined,
      items: [...(earlier?.items ?? []), ...items],
    });
  }

  /** Calls `callback` once, when all that was added until then has been sent. */
  afterSend(callback: () => Promise<void>): void {
    this.callbacks.push(callback);
  }

  /** Drops a message that is larger than its client takes, as if it had been sent and acknowledged [MQTT-3.1.2-25]. */
  dropTooLarge({ session, clientId, packetId }: QueueSource): void {
    this.ports.log('packet too large', { clientId, packetId });
    this.ports.metrics.count('DroppedTooLarge');
    this.dropped.push({ session, packetId });
  }

  /**
   * Sends messages before the responses that let their publisher continue: if every attempt at a turn dies, either the publisher
   * sends its messages again or they have left.
   */
  async send(): Promise<void> {
    await this.sendMessages();
    await this.outbox.sendResponses();
  }

  /** Sends the messages and checks the owners side by side. */
  async sendMessages(): Promise<void> {
    const callbacks = this.callbacks;
    this.callbacks = [];
    await together([this.outbox.sendMessages(), this.recheckOwners(), this.removeDropped()]);
    await inParallel(callbacks, parallelSessions, (callback) => callback());
  }

  /**
   * Reads the owners again after the messages were stored. A connecting client claims the session first, then reads its queue; a sender
   * stores first, then reads the owner. Whichever runs second sees the write of the other. An owner to which the messages were not
   * posted is woken to read its queue.
   */
  private async recheckOwners(): Promise<void> {
    const checks = this.ownerChecks;
    this.ownerChecks = new Map();
    if (checks.size === 0) return;
    const sessions = await this.ports.sessions.readMany([...checks.keys()]);
    const now = this.ports.now();
    const unserved = [...sessions.values()].filter(
      (item) => item.owner && item.owner !== checks.get(item.clientId)?.postedTo && !isDrainScheduled(item, now),
    );
    await together([
      inParallel(unserved, parallelSessions, ({ clientId, owner }) => requestWake(this.ports, clientId, owner ?? '')),
      this.removeItems([...checks].flatMap(([clientId, { items }]) => orphans(items, sessions.get(clientId)))),
    ]);
  }

  private async removeDropped(): Promise<void> {
    const dropped = this.dropped.splice(0);
    await inParallel(dropped, parallelSessions, ({ session, packetId }) =>
      this.ports.inflight.remove(session, [packetId]),
    );
  }

  private async removeItems(items: readonly QueueItem[]): Promise<void> {
    if (items.length > 0) await this.ports.inflight.removeItems(items);
  }
}

/**
 * Returns items that were put after their session had ended and its queue had been cleared, so that nobody else would remove them. A
 * session ends before its queue is cleared, and items are put before the session is read again: one of the two always sees the other.
 * Items of a shared subscription stay for the worker that clears the queue, which gives them to another member.
 */
function orphans(items: readonly QueueItem[], current: SessionItem | undefined): readonly QueueItem[] {
  return items.filter(
    ({ session, messages }) => current?.session !== session && messages.every(({ share }) => share === undefined),
  );
}

/** Requests that the owner of a session drains its queue: counts the request, then puts `wake` into the owner's stream. */
export async function requestWake(ports: Ports, clientId: string, owner: string): Promise<void> {
  const wakeRequests = await ports.sessions.requestWake(clientId, owner);
  if (wakeRequests !== 'gone') await ports.packets.wake(owner, wakeRequests);
}
