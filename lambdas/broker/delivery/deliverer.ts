import { encode } from '../../protocol/codec/encode';
import { maxOutgoingPacketSize } from '../../protocol/limits';
import { isExpired, toPublish } from '../../protocol/outgoing-publish';
import type { ProtocolVersion, PublishPacket } from '../../protocol/packets';
import { Reason } from '../../protocol/reason-codes';
import type { Settings } from '../../settings';
import { inParallel, together } from '../../shared/parallel';
import { isSessionExpired, leftoverDelay, removeExpiredSession } from '../expiry/expired-session';
import { type Delivery, deliveryId, type IncomingMessage, type SessionDeliveries } from '../model/delivery';
import type { SessionId } from '../model/fence';
import { positionAlone, type QueuePosition, queueSpan } from '../model/queue-slots';
import type { Qos2Record, QueueItem } from '../model/queued-message';
import type { SessionItem } from '../model/session';
import type { SubscriptionRow } from '../model/subscription';
import { logPacket } from '../observability/packet-log';
import { closeConnection } from '../outbound/close-connection';
import { isSkipped } from '../outbound/congestion';
import { type Dispatch, requestWake } from '../outbound/dispatch';
import type { OutgoingPublish } from '../outbound/outbox';
import { type Aliasable, aliasable } from '../outbound/topic-aliases';
import type { Metrics } from '../ports/metrics';
import type { Ports } from '../ports/ports';
import { removeStaleSubscriptions } from '../topic-index/stale-subscriptions';
import { assignPositions, liveConnection, type QueuedDeliveries, toQos2Record, toQueueItems } from './queue-items';
import { type MayReceive, mayReceiveOf } from './receive-permission';

/** Sessions worked on at the same time. */
const parallelSessions = 50;

/** Heads by client id, read after the messages arrived. */
export type Heads = ReadonlyMap<string, SessionItem>;

/** Numbers that are being reserved for a session. */
interface Reservation {
  readonly count: number;
  readonly head: Promise<SessionItem | 'refused'>;
}

/** A session with the positions of its deliveries in the queue, and what its client may receive. */
interface DeliveredTo extends QueuedDeliveries {
  readonly mayReceive: MayReceive;
}

/** An earlier attempt to deliver a QoS 2 message. */
interface EarlierAttempt {
  readonly record: Qos2Record;
  /** The message may be put under the number of that attempt: no message before it has a higher one. */
  readonly keepsNumber: boolean;
}

export type Reservations = ReadonlyMap<SessionId, Reservation>;

export interface DelivererOptions {
  readonly ports: Ports;
  readonly settings: Pick<Settings, 'queueLimit'>;
  /** Sends what is delivered. */
  readonly dispatch: Dispatch;
}

/** Hands messages to sessions: durable ones into their rings first, then everything to those that are online. */
export class Deliverer {
  /** Clients that did not get all of their mail: their queue was full, or their session has ended. */
  readonly missed = new Map<string, 'full' | 'ended'>();
  /** Rows that have led to sessions that have ended, and heads that such sessions still have. */
  private gone: { readonly row?: SubscriptionRow; readonly head?: SessionItem }[] = [];

  private readonly ports: Ports;
  private readonly settings: Pick<Settings, 'queueLimit'>;
  private readonly dispatch: Dispatch;

  constructor({ ports, settings, dispatch }: DelivererOptions) {
    this.ports = ports;
    this.settings = settings;
    this.dispatch = dispatch;
  }

  /** Begins to reserve numbers for mail that will probably be delivered in a moment. */
  reserveAhead(mail: readonly SessionDeliveries[]): Reservations {
    const durable = mail.map(durablePart).filter(({ deliveries }) => deliveries.length > 0);
    return new Map(
      durable.map(({ clientId, session, deliveries: { length: count } }) => {
        const head = this.ports.sessions.reserve(clientId, session, count);
        head.catch(() => undefined); // whoever needs it gets the error
        return [session, { count, head }];
      }),
    );
  }

  /** Returns what was put into rings. It leaves with the dispatch. */
  async deliver(
    all: readonly SessionDeliveries[],
    known: Heads = new Map(),
    reserved: Reservations = new Map(),
  ): Promise<ReadonlyMap<SessionId, QueuedDeliveries>> {
    const mail = withoutExpired(all, this.ports.now(), this.ports.metrics);
    const durable = await this.withoutEarlierAttempts(mail.map(durablePart));
    const waiting = durable.filter(({ deliveries }) => deliveries.length > 0);
    const numbered = new Set(waiting.map(({ session }) => session));
    const transient = mail.filter(({ session }) => !numbered.has(session));
    const [placed, heads] = await together([this.place(waiting, reserved), this.heads(transient, known)]);
    await together(
      mail.map(async (entry) => {
        const { head, positions } = placed.get(entry.session) ?? {
          head: heads.get(entry.clientId),
          positions: new Map(),
        };
        if (head?.session !== entry.session) return;
        this.post(entry, { head, positions, mayReceive: await mayReceiveOf(this.ports, head) });
      }),
    );
    const ended = transient.filter(({ clientId, session }) => !this.isAlive(heads.get(clientId), session));
    for (const entry of ended) this.forget(entry, heads.get(entry.clientId));
    await this.forgetGone();
    return placed;
  }

  /** Who gets only QoS 0 needs no number, only to be found. */
  private async heads(mail: readonly SessionDeliveries[], known: Heads): Promise<Heads> {
    const clientIds = new Set(mail.map(({ clientId }) => clientId).filter((clientId) => !known.has(clientId)));
    return clientIds.size > 0 ? new Map([...known, ...(await this.ports.sessions.readMany([...clientIds]))]) : known;
  }

  private async audible(head: SessionItem, deliveries: readonly Delivery[]): Promise<readonly Delivery[]> {
    const isAudible = await mayReceiveOf(this.ports, head);
    return deliveries.filter((delivery) => isAudible(topicOf(delivery)));
  }

  /** Whether a client has this session, or can perhaps come back to it. */
  private isAlive(head: SessionItem | undefined, session: SessionId): head is SessionItem {
    return head?.session === session && !isSessionExpired(head, this.ports.now() - leftoverDelay);
  }

  /** The session has ended, and so have its rows. A head that it still has goes with all that it owns. */
  private forget({ session, row }: SessionDeliveries, head: SessionItem | undefined): void {
    this.gone.push({ ...(row && { row }), ...(head?.session === session && { head }) });
  }

  private async forgetGone(): Promise<void> {
    const gone = this.gone.splice(0);
    const heads = gone.flatMap(({ head }) => head ?? []);
    const rows = gone.flatMap(({ row }) => row ?? []);
    await together([
      removeStaleSubscriptions(this.ports, rows),
      inParallel(heads, parallelSessions, (head) => removeExpiredSession(this.ports, head)),
    ]);
  }

  // ---- QoS 2: what an earlier attempt did ----

  private async withoutEarlierAttempts(mail: readonly SessionDeliveries[]): Promise<readonly SessionDeliveries[]> {
    const keys = mail.flatMap(({ session, deliveries }) =>
      deliveries
        .filter(({ qos, incoming }) => qos === 2 && incoming.attempted)
        .map((delivery) => ({ session, id: deliveryId(delivery) })),
    );
    if (keys.length === 0) return mail;
    const found = new Map((await this.ports.inflight.qos2Records(keys)).map((record) => [onceName(record), record]));
    if (found.size === 0) return mail;
    return inParallel(mail, parallelSessions, async (entry) => ({
      ...entry,
      deliveries: await this.stillToDeliver(entry, found),
    }));
  }

  private async stillToDeliver(mail: SessionDeliveries, found: Map<string, Qos2Record>): Promise<Delivery[]> {
    const left: Delivery[] = [];
    let highest = 0;
    let waits = false;
    for (const delivery of mail.deliveries) {
      const earlier = found.get(onceName({ session: mail.session, id: deliveryId(delivery) }));
      // Records of different attempts: a number before those of earlier messages would put it before them.
      const keepsNumber = left.length === 0 && earlier !== undefined && earlier.number > highest;
      highest = Math.max(highest, earlier?.number ?? 0);
      const state = earlier ? await this.resume(mail, delivery, { record: earlier, keepsNumber }) : 'new';
      if (state === 'new') left.push(delivery);
      if (state === 'waiting') waits = true;
    }
    if (waits) await this.askFirst(mail);
    return left;
  }

  /** Before anything new is reserved, so that it is not sent past what waits. */
  private async askFirst({ clientId }: SessionDeliveries): Promise<void> {
    this.dispatch.placed(clientId, undefined);
    const head = await this.ports.sessions.read(clientId);
    if (head?.owner) await requestWake(this.ports, clientId, head.owner);
  }

  /**
   * An earlier attempt died somewhere. The message is in the ring, or was delivered whole, or never got there: then it is
   * put where it was meant to be, because its neighbours may be there already, or it is new when it has no place.
   */
  private async resume(
    mail: SessionDeliveries,
    delivery: Delivery,
    { record: earlier, keepsNumber }: EarlierAttempt,
  ): Promise<'settled' | 'waiting' | 'new'> {
    if (earlier.done) return 'settled';
    const item = await this.ports.inflight.read(mail.session, positionAlone(earlier.number).packetId);
    if (item?.id === earlier.id && item.number === earlier.number) return this.resend(mail, item);
    const [again] = await this.ports.inflight.qos2Records([earlier]); // completed and removed between the two reads?
    if (again?.done) return 'settled';
    const head = await this.ports.sessions.read(mail.clientId);
    if (!keepsNumber || head?.session !== mail.session) return 'new';
    const positions = new Map([[delivery, positionAlone(earlier.number)]]);
    await this.ports.inflight.putInOrder(toQueueItems({ head, positions }, this.ports.now(), ''));
    return 'waiting';
  }

  private async resend(mail: SessionDeliveries, item: QueueItem): Promise<'settled' | 'waiting'> {
    const head = await this.ports.sessions.read(mail.clientId);
    if (!head?.owner || head.session !== mail.session) return 'settled';
    if (item.sentOn !== head.fence) return 'waiting';
    // Sent on this connection or not? Nobody can tell: the client comes back and its resume settles it.
    if (item.state === 'published') {
      await closeConnection(this.ports, head.owner, { reason: Reason.unspecifiedError, client: head });
    }
    return 'settled';
  }

  // ---- the ring ----

  private async place(
    mail: readonly SessionDeliveries[],
    ahead: Reservations,
  ): Promise<Map<SessionId, QueuedDeliveries>> {
    const placed = new Map<SessionId, QueuedDeliveries>();
    await inParallel(mail, parallelSessions, async (entry) => {
      const reserved = await this.reserve(entry, ahead.get(entry.session));
      if (reserved) placed.set(entry.session, reserved);
      if (reserved) this.measureQueue(reserved.head);
    });
    const itemsOf = new Map([...placed].map(([session, entry]) => [session, toQueueItems(entry, this.ports.now())]));
    const items = [...itemsOf.values()].flat();
    const once = items.filter(({ id }) => id !== undefined).map((item) => toQos2Record(item, this.ports.now()));
    if (once.length > 0) await this.ports.inflight.putQos2Records(once);
    await this.putAll(items);
    for (const [session, { head }] of placed) {
      this.dispatch.placed(head.clientId, liveConnection(head), itemsOf.get(session));
    }
    return placed;
  }

  /**
   * What is sent right away is nobody else's business, and is put in batches. What waits may be looked at any moment by the
   * pump, which must not find a later message before an earlier one.
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

  private async reserve(
    mail: SessionDeliveries,
    ahead: Reservation | undefined,
  ): Promise<QueuedDeliveries | undefined> {
    const { clientId, session, deliveries, stillWanted } = mail;
    const isAhead = ahead?.count === deliveries.length;
    const head = await (stillWanted
      ? this.reserveForRetained(mail)
      : isAhead
        ? ahead.head
        : this.ports.sessions.reserve(clientId, session, deliveries.length));
    if (head === 'refused') return this.reserveWhatFits(mail);
    if (head === 'full') {
      this.dropped(clientId, deliveries.length);
      return undefined;
    }
    if (isSessionExpired(head, this.ports.now() - leftoverDelay)) return this.miss(mail, head);
    const audible = await this.audible(head, deliveries);
    return assignPositions(head, stillWanted ? await stillWanted(audible) : audible, deliveries.length);
  }

  /**
   * Retained messages answer a wish of the client itself, so the limit for what others send it does not apply, but they need packet
   * ids that are free; `full` when there are too few. The head is returned as it was before this reservation asked, which tells whether
   * anything waits from earlier.
   */
  private async reserveForRetained({
    clientId,
    session,
    deliveries,
  }: SessionDeliveries): Promise<SessionItem | 'refused' | 'full'> {
    for (;;) {
      const head = await this.ports.sessions.reserveAndRequestWake(clientId, session, deliveries.length);
      if (head !== 'refused') return { ...head, wakeRequests: head.wakeRequests - 1 };
      const seen = await this.ports.sessions.read(clientId);
      if (seen?.session !== session) return 'refused';
      const room = await this.ringRoom(seen);
      if (room < deliveries.length) return 'full';
      await this.ports.sessions.setFree(seen, room);
    }
  }

  private async reserveWhatFits(mail: SessionDeliveries): Promise<QueuedDeliveries | undefined> {
    const { clientId, session, deliveries } = mail;
    for (;;) {
      const room = await this.makeRoom(mail);
      if (typeof room !== 'number') return this.miss(mail, room.head);
      const fitting = deliveries.slice(0, room);
      const head = fitting.length > 0 && (await this.ports.sessions.reserve(clientId, session, fitting.length));
      if (head === 'refused') continue; // others were faster
      const dropped = deliveries.length - fitting.length;
      if (dropped > 0) {
        this.missed.set(clientId, 'full');
        this.dropped(clientId, dropped);
      }
      return head ? assignPositions(head, await this.audible(head, fitting), fitting.length) : undefined;
    }
  }

  private miss(mail: SessionDeliveries, head: SessionItem | undefined): undefined {
    this.missed.set(mail.clientId, 'ended');
    this.forget(mail, head);
  }

  /** Of a client that is away the head tells how much waits, so it is known without a look. */
  private measureQueue({ owner, outSeq, offlineFrom }: SessionItem): void {
    if (owner === undefined) this.ports.metrics.measure('QueueDepth', outSeq - offlineFrom);
  }

  private dropped(clientId: string, dropped: number): void {
    this.ports.log('queue full', { clientId, dropped });
    this.ports.metrics.count('DroppedQueueFull', dropped);
  }

  /**
   * How many more messages fit, or the head when the session has ended. The head only counts down; what acknowledgements have given
   * back is found here, once per many messages.
   */
  private async makeRoom({
    clientId,
    session,
  }: SessionDeliveries): Promise<number | { readonly head: SessionItem | undefined }> {
    for (;;) {
      const head = await this.ports.sessions.read(clientId);
      if (!this.isAlive(head, session)) return { head };
      const free = head.owner ? await this.ringRoom(head) : await this.offlineRoom(head);
      if (free === 0 && head.owner) {
        await closeConnection(this.ports, head.owner, { reason: Reason.quotaExceeded, client: head }); // it does not acknowledge
      }
      if (free === 0 || (await this.ports.sessions.setFree(head, free)) === 'set') return free;
    }
  }

  private async ringRoom(head: SessionItem): Promise<number> {
    const oldest = await this.ports.inflight.oldest(head.session, head.outSeq);
    return Math.max(0, oldest === undefined ? queueSpan : queueSpan - (head.outSeq - oldest + 1));
  }

  /** Nobody acknowledges while the client is away, so what came since then still waits. */
  private async offlineRoom(head: SessionItem): Promise<number> {
    const left = this.settings.queueLimit - (head.outSeq - head.offlineFrom);
    return left <= 0 ? 0 : Math.min(left, await this.ringRoom(head));
  }

  // ---- to the client ----

  private post(mail: SessionDeliveries, { head, positions, mayReceive }: DeliveredTo): void {
    if (!head.owner) return;
    const live = liveConnection(head) !== undefined;
    for (const delivery of mail.deliveries) {
      const place = positions.get(delivery);
      if (place && live) this.postDurable(delivery, head, place);
      else if (
        delivery.qos === 0 &&
        head.connackSentOn === head.fence &&
        !delivery.incoming.replay &&
        mayReceive(topicOf(delivery))
      ) {
        if (isSkipped(head, this.ports.now())) this.ports.metrics.count('DroppedSlow');
        else this.postTransient(delivery, head, head.owner);
      }
    }
  }

  private postTransient(delivery: Delivery, head: SessionItem, owner: string): void {
    const { version, capabilities, clientId } = head;
    const { packet, bytes } = transientPublish(delivery, version, this.ports.now());
    if (bytes.length <= maxOutgoingPacketSize(capabilities)) {
      logPacket(this.ports, { clientId, connectionId: owner }, { direction: 'out', packet, size: bytes.length });
      const source = { kind: 'transient', clientId } as const;
      const parcel = { bytes, source, content: contentOf(delivery), ...congested(head) };
      this.dispatch.outbox.add(owner, { ...parcel, ...aliasing(aliasable(packet, bytes, capabilities)) });
    } else {
      this.ports.log('packet too large', { connectionId: owner, bytes: bytes.length });
      this.ports.metrics.count('DroppedTooLarge');
    }
  }

  private postDurable(delivery: Delivery, head: SessionItem, { number, packetId, slot }: QueuePosition): void {
    const { incoming, qos, retain, identifiers } = delivery;
    if (qos === 0 || !head.owner) return;
    const { now } = this.ports;
    const publish = toPublish(incoming.message, { qos, packetId, dup: false, retain, identifiers, now: now() });
    const { clientId, session, fence } = head;
    const first = number - (packetId - slot);
    const source = { kind: 'ring', clientId, session, fence, slot, number: first, packetId, qos } as const;
    const bytes = encode(publish, head.version);
    if (bytes.length <= maxOutgoingPacketSize(head.capabilities)) {
      const logged = { direction: 'out', packet: publish, size: bytes.length } as const;
      logPacket(this.ports, { clientId, connectionId: head.owner }, logged);
      const parcel = { bytes, source, content: contentOf(delivery), ...congested(head) };
      this.dispatch.outbox.add(head.owner, { ...parcel, ...aliasing(aliasable(publish, bytes, head.capabilities)) });
    } else this.dispatch.tooLarge(source);
  }
}

function topicOf({ incoming }: Delivery): string {
  return incoming.message.topic;
}

function durablePart(mail: SessionDeliveries): SessionDeliveries {
  return { ...mail, deliveries: mail.deliveries.filter(({ qos }) => qos > 0) };
}

function congested(head: SessionItem) {
  return head.congestion ? { congested: head } : {};
}

function aliasing(aliasable: Aliasable | undefined) {
  return aliasable ? { aliasable } : {};
}

function contentOf({ qos, incoming: { message, receivedAt } }: Delivery): OutgoingPublish {
  return { qos, payloadBytes: message.payload.length, ...(receivedAt !== undefined && { receivedAt }) };
}

function withoutExpired(
  mail: readonly SessionDeliveries[],
  now: number,
  metrics: Metrics,
): readonly SessionDeliveries[] {
  const expired = mail.flatMap(({ deliveries }) =>
    deliveries.filter(({ incoming }) => isExpired(incoming.message, now)),
  );
  if (expired.length === 0) return mail;
  metrics.count('DroppedExpired', expired.length);
  return mail
    .map((entry) => ({
      ...entry,
      deliveries: entry.deliveries.filter(({ incoming }) => !isExpired(incoming.message, now)),
    }))
    .filter(({ deliveries }) => deliveries.length > 0);
}

interface Encoded {
  readonly packet: PublishPacket;
  readonly bytes: Buffer;
}

const transientPublishes = new WeakMap<IncomingMessage, Map<string, Encoded>>();

/** A QoS 0 PUBLISH is the same for most subscribers, so it is encoded once. */
function transientPublish({ incoming, retain, identifiers }: Delivery, version: ProtocolVersion, now: number): Encoded {
  const variants = transientPublishes.get(incoming) ?? new Map<string, Encoded>();
  transientPublishes.set(incoming, variants);
  const variant = `${version} ${retain} ${identifiers ?? ''}`;
  const known = variants.get(variant);
  if (known) return known;
  const packet = toPublish(incoming.message, { qos: 0, dup: false, retain, identifiers, now });
  const encoded = { packet, bytes: encode(packet, version) };
  variants.set(variant, encoded);
  return encoded;
}

function onceName({ session, id }: { session: string; id: string }): string {
  return `${session} ${id}`;
}
