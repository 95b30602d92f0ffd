import { isExpired } from '../../protocol/outgoing-publish';
import type { Settings } from '../../settings';
import { inParallel, together } from '../../shared/parallel';
import { isSessionExpired, leftoverDelay, removeExpiredSession } from '../expiry/expired-session';
import type { SessionDeliveries } from '../model/delivery';
import type { SessionId } from '../model/fence';
import type { QueueItem } from '../model/queued-message';
import type { SessionItem } from '../model/session';
import type { SubscriptionRow } from '../model/subscription';
import type { Dispatch } from '../outbound/dispatch';
import type { Metrics } from '../ports/metrics';
import type { Ports } from '../ports/ports';
import { removeStaleSubscriptions } from '../topic-index/stale-subscriptions';
import { LiveSender } from './live-sender';
import { NumberReserver, type Reservations } from './number-reserver';
import { Qos2Retry } from './qos2-retry';
import { liveConnection, type QueuedDeliveries, toQos2Record, toQueueItems } from './queue-items';
import { mayReceiveOf } from './receive-permission';

/** Sessions worked on at the same time. */
const parallelSessions = 50;

/** Session items by client id, read after the messages arrived. */
export type SessionItems = ReadonlyMap<string, SessionItem>;

export interface DelivererOptions {
  readonly ports: Ports;
  readonly settings: Pick<Settings, 'queueLimit'>;
  /** Sends what is delivered. */
  readonly dispatch: Dispatch;
}

/** A session that has ended, and the traces of it that are still stored. */
interface EndedSession {
  /** A subscription that led to the session. */
  readonly row?: SubscriptionRow;
  readonly item?: SessionItem;
}

/**
 * Delivers messages to sessions: puts those of QoS 1 and 2 into the queues of the sessions, then hands all messages for connected
 * clients to the dispatch.
 */
export class Deliverer {
  /** Clients that did not get all of their messages: their queue is full, or their session has ended. */
  readonly missed = new Map<string, 'full' | 'ended'>();
  private readonly ports: Ports;
  private readonly dispatch: Dispatch;
  private readonly reserver: NumberReserver;
  private readonly qos2Retry: Qos2Retry;
  private readonly liveSender: LiveSender;
  /** Found since the last clean-up. */
  private readonly ended: EndedSession[] = [];

  constructor(options: DelivererOptions) {
    this.ports = options.ports;
    this.dispatch = options.dispatch;
    this.reserver = new NumberReserver(options);
    this.qos2Retry = new Qos2Retry(options);
    this.liveSender = new LiveSender(options);
  }

  /** Begins to reserve numbers for messages that will probably be delivered in a moment. */
  reserveAhead(deliveries: readonly SessionDeliveries[]): Reservations {
    return this.reserver.reserveAhead(deliveries.map(durablePart).filter(isNotEmpty));
  }

  /**
   * Delivers messages. The messages leave when the dispatch is sent.
   *
   * @param known Session items that this invocation has read after the messages arrived.
   * @param reserved Numbers that `reserveAhead` has begun to reserve.
   * @returns the deliveries that are in queues, by session.
   */
  async deliver(
    all: readonly SessionDeliveries[],
    known: SessionItems = new Map(),
    reserved: Reservations = new Map(),
  ): Promise<ReadonlyMap<SessionId, QueuedDeliveries>> {
    const entries = withoutExpired(all, this.ports.now(), this.ports.metrics);
    const durable = await this.qos2Retry.withoutEarlierAttempts(entries.map(durablePart));
    const toQueue = durable.filter(isNotEmpty);
    const queuedSessions = new Set(toQueue.map(({ session }) => session));
    const others = entries.filter(({ session }) => !queuedSessions.has(session)); // they need no number, only their session items
    const [queued, items] = await together([this.enqueue(toQueue, reserved), this.itemsOf(others, known)]);
    await together(entries.map((entry) => this.send(entry, queued.get(entry.session), items.get(entry.clientId))));
    const ended = others.filter(({ clientId, session }) => !this.isAlive(items.get(clientId), session));
    for (const entry of ended) this.noteEnded(entry, items.get(entry.clientId));
    await this.removeEnded();
    return queued;
  }

  private async itemsOf(entries: readonly SessionDeliveries[], known: SessionItems): Promise<SessionItems> {
    const clientIds = new Set(entries.map(({ clientId }) => clientId).filter((clientId) => !known.has(clientId)));
    return clientIds.size > 0 ? new Map([...known, ...(await this.ports.sessions.readMany([...clientIds]))]) : known;
  }

  private async send(
    entry: SessionDeliveries,
    queued: QueuedDeliveries | undefined,
    known: SessionItem | undefined,
  ): Promise<void> {
    const { item, positions } = queued ?? { item: known, positions: new Map() };
    if (item?.session !== entry.session) return;
    this.liveSender.send(entry, { item, positions, mayReceive: await mayReceiveOf(this.ports, item) });
  }

  // ---- queues ----

  /** Puts messages into the queues of their sessions. Records of QoS 2 messages are durable before the messages. */
  private async enqueue(
    entries: readonly SessionDeliveries[],
    ahead: Reservations,
  ): Promise<Map<SessionId, QueuedDeliveries>> {
    const queued = new Map<SessionId, QueuedDeliveries>();
    await inParallel(entries, parallelSessions, async (entry) => {
      const reserved = await this.reserve(entry, ahead);
      if (!reserved) return;
      queued.set(entry.session, reserved);
      this.measureQueue(reserved.item);
    });
    const now = this.ports.now();
    const itemsOf = new Map([...queued].map(([session, deliveries]) => [session, toQueueItems(deliveries, now)]));
    const items = [...itemsOf.values()].flat();
    const records = items.filter(({ id }) => id !== undefined).map((item) => toQos2Record(item, now));
    if (records.length > 0) await this.ports.inflight.putQos2Records(records);
    await this.putAll(items);
    for (const [session, { item }] of queued) {
      this.dispatch.addQueued(item.clientId, liveConnection(item), itemsOf.get(session));
    }
    return queued;
  }

  private async reserve(entry: SessionDeliveries, ahead: Reservations): Promise<QueuedDeliveries | undefined> {
    const outcome = await this.reserver.reserve(entry, ahead.get(entry.session));
    const { clientId } = entry;
    if ('ended' in outcome) {
      this.missed.set(clientId, 'ended');
      this.noteEnded(entry, outcome.ended);
      return undefined;
    }
    const { queued, dropped } = outcome;
    if (dropped > 0) {
      this.missed.set(clientId, 'full');
      this.ports.log('queue full', { clientId, dropped });
      this.ports.metrics.count('DroppedQueueFull', dropped);
    }
    return queued;
  }

  /** Measures how many messages wait for a client that is away. Its session item tells the number, so nothing is read. */
  private measureQueue({ owner, outSeq, offlineFrom }: SessionItem): void {
    if (owner === undefined) this.ports.metrics.measure('QueueDepth', outSeq - offlineFrom);
  }

  /**
   * Puts items that are sent at once in batches, because nobody else reads them before. Puts items that wait one after the other:
   * a drain may read them at any moment and must not find a later message before an earlier one.
   */
  private async putAll(items: readonly QueueItem[]): Promise<void> {
    const sent = items.filter(({ sentOn }) => sentOn !== '');
    const waiting = new Map<SessionId, QueueItem[]>();
    for (const item of items) {
      if (item.sentOn === '') waiting.set(item.session, [...(waiting.get(item.session) ?? []), item]);
    }
    await together([
      sent.length > 0 ? this.ports.inflight.put(sent) : undefined,
      inParallel([...waiting.values()], parallelSessions, (queue) => this.ports.inflight.putInOrder(queue)),
    ]);
  }

  // ---- sessions that have ended ----

  /** Returns whether a client has this session, or may still resume it by the clock of another container. */
  private isAlive(item: SessionItem | undefined, session: SessionId): item is SessionItem {
    return item?.session === session && !isSessionExpired(item, this.ports.now() - leftoverDelay);
  }

  private noteEnded({ session, row }: SessionDeliveries, item: SessionItem | undefined): void {
    this.ended.push({ ...(row && { row }), ...(item?.session === session && { item }) });
  }

  /** Removes the subscriptions that led to ended sessions. A session item that is still stored goes with all that it owns. */
  private async removeEnded(): Promise<void> {
    const ended = this.ended.splice(0);
    const items = ended.flatMap(({ item }) => item ?? []);
    const rows = ended.flatMap(({ row }) => row ?? []);
    await together([
      removeStaleSubscriptions(this.ports, rows),
      inParallel(items, parallelSessions, (item) => removeExpiredSession(this.ports, item)),
    ]);
  }
}

function durablePart(entry: SessionDeliveries): SessionDeliveries {
  return { ...entry, deliveries: entry.deliveries.filter(({ qos }) => qos > 0) };
}

function isNotEmpty({ deliveries }: SessionDeliveries): boolean {
  return deliveries.length > 0;
}

function withoutExpired(
  entries: readonly SessionDeliveries[],
  now: number,
  metrics: Metrics,
): readonly SessionDeliveries[] {
  const expired = entries.flatMap(({ deliveries }) =>
    deliveries.filter(({ incoming }) => isExpired(incoming.message, now)),
  );
  if (expired.length === 0) return entries;
  metrics.count('DroppedExpired', expired.length);
  return entries
    .map((entry) => ({
      ...entry,
      deliveries: entry.deliveries.filter(({ incoming }) => !isExpired(incoming.message, now)),
    }))
    .filter(isNotEmpty);
}
