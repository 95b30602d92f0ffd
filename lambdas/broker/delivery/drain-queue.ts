import { encode } from '../../protocol/codec/encode';
import { publishSize } from '../../protocol/codec/encode-publish';
import { maxOutgoingPacketSize } from '../../protocol/limits';
import { isExpired, toPublish } from '../../protocol/outgoing-publish';
import type { Permissions } from '../../protocol/permissions';
import { inParallel } from '../../shared/parallel';
import type { ConnectionRecord } from '../model/connection';
import { isBundled, positionAlone } from '../model/queue-slots';
import type { QueuedMessage, QueueItem } from '../model/queued-message';
import type { SessionItem } from '../model/session';
import { logPacket } from '../observability/packet-log';
import { isDrainTooEarly } from '../outbound/congestion';
import type { Dispatch } from '../outbound/dispatch';
import { aliasable } from '../outbound/topic-aliases';
import type { Ports } from '../ports/ports';

/** Slots claimed at the same time. */
const parallelClaims = 25;

/** Slots claimed to find out whether a slow client reads again. */
const maxProbeClaims = 5;

/** `uncertain`: a worker died between claim and post, so nobody can tell whether the client has seen a QoS 2 PUBLISH. */
export type DrainResult = 'done' | 'uncertain';

/** The parts of a turn that a drain uses. */
export interface DrainingTurn {
  readonly ports: Ports;
  readonly dispatch: Dispatch;
  readonly permissions: Permissions;
  /** Events of the turn, in order. */
  readonly events: readonly { readonly id: string; readonly redelivered: boolean }[];
}

/**
 * Sends the messages that wait in the queue of a session, in order. It ends when no wake is requested any more, when the client has as
 * many messages as its Receive Maximum allows (acknowledgements then continue it), or when the client takes nothing for now (a timer
 * then continues it). It runs only inside the ordered stream of the connection that owns the session, so never twice at the same time
 * for one connection. A client that did not read gets a few messages as a probe; the rest follows when the gateway takes them.
 *
 * The id of the first event signs the claims. If the worker dies, that event is the first to be delivered again, alone or with others;
 * a turn of redelivered events therefore always drains, and recognizes the claims.
 *
 * @param known The session item if it was read just now.
 */
export async function drainQueue(
  turn: DrainingTurn,
  connection: ConnectionRecord,
  known?: SessionItem,
): Promise<DrainResult> {
  const { ports, dispatch } = turn;
  const posted = new Set<number>();
  const isRedelivered = turn.events.some(({ redelivered }) => redelivered);
  for (let item = known; ; item = undefined) {
    item ??= await ports.sessions.read(connection.clientId);
    if (item?.owner !== connection.connectionId || item.wakeRequests === item.wakeHandled) return 'done';
    if (isDrainTooEarly(item, ports.now()) && !isRedelivered) return 'done';
    const { congestion } = item;
    const isProbe = congestion?.isDrainScheduled === true;
    const maxClaims = isProbe && !isRedelivered ? maxProbeClaims : Number.POSITIVE_INFINITY;
    const pass = new DrainPass(turn, connection, { posted, maxClaims });
    for await (const page of ports.inflight.inOrder(item.session, item.outSeq, pass.pageSize(item))) {
      if ((await pass.sendPage(page)) === 'uncertain') return 'uncertain';
      if (dispatch.outbox.isBlocked && isRedelivered) return pass.unclaim(item);
      if (pass.isWindowFull || dispatch.outbox.isBlocked) return 'done';
      if (isProbe && pass.hasSent) break;
    }
    // Senders that see a scheduled drain request none, so the queue is read once more after they no longer see it.
    if (congestion && (isProbe || pass.hasSent))
      await ports.sessions.clearCongestion(item, pass.hasSent ? undefined : congestion);
    else await ports.sessions.markWakeHandled(item, item.wakeRequests, pass.acknowledgedUpTo(item));
  }
}

/** Bounds of one pass. */
interface DrainScope {
  /** Numbers that were posted in this turn. */
  readonly posted: Set<number>;
  /** Items that are claimed of one page. */
  readonly maxClaims: number;
}

/** One pass through the queue of a session. */
class DrainPass {
  /** The client has as many unacknowledged messages as its Receive Maximum allows, and more wait. */
  isWindowFull = false;
  /** The gateway has taken a message. */
  hasSent = false;
  private oldest: number | undefined;
  /** Messages that the client has and did not acknowledge. */
  private unacknowledged = 0;
  private readonly window: number;
  private readonly eventIds: readonly string[];
  private readonly ports: Ports;
  private readonly dispatch: Dispatch;

  constructor(
    private readonly turn: DrainingTurn,
    private readonly connection: ConnectionRecord,
    private readonly scope: DrainScope,
  ) {
    this.ports = turn.ports;
    this.dispatch = turn.dispatch;
    this.eventIds = turn.events.map(({ id }) => id);
    this.window = connection.capabilities.receiveMaximum ?? Number.POSITIVE_INFINITY;
  }

  /** Number of items to read at a time: few for a long queue whose client takes only some of it. Undefined is a whole page. */
  pageSize({ outSeq, acknowledgedUpTo }: SessionItem): number | undefined {
    return outSeq - acknowledgedUpTo > 4 * this.window ? 2 * this.window : undefined;
  }

  /** Number up to which everything is acknowledged; known only for a client with a Receive Maximum, whose queue was counted. */
  acknowledgedUpTo(item: SessionItem): number | undefined {
    if (this.window === Number.POSITIVE_INFINITY) return undefined;
    return this.oldest === undefined ? item.outSeq : this.oldest - 1;
  }

  async sendPage(page: readonly QueueItem[]): Promise<DrainResult> {
    const items = await this.withoutUndeliverable(await this.unbundled(page));
    const waiting = items.filter((item) => this.admit(item)).slice(0, this.scope.maxClaims);
    const { fence } = this.connection;
    const isAbandoned = (item: QueueItem) => item.sentOn === fence;
    if (waiting.some((item) => isAbandoned(item) && isUncertain(item))) return 'uncertain';
    const claims = await inParallel(waiting, parallelClaims, (item) =>
      isAbandoned(item) ? Promise.resolve('claimed') : this.ports.inflight.claim(item, fence, this.eventIds[0] ?? ''),
    );
    for (const [index, item] of waiting.entries()) {
      if (claims[index] !== 'claimed') continue; // acknowledged meanwhile, or claimed by a newer connection
      this.scope.posted.add(item.number);
      this.post(item);
    }
    await this.dispatch.send();
    this.hasSent ||= claims.includes('claimed') && !this.dispatch.outbox.isBlocked;
    return 'done';
  }

  /**
   * Gives up claims that an earlier attempt at these events has made and this one has not reached, because the client takes nothing.
   * Only these events recognize the claims.
   */
  async unclaim({ session, outSeq }: SessionItem): Promise<DrainResult> {
    const { fence } = this.connection;
    for await (const page of this.ports.inflight.inOrder(session, outSeq)) {
      const abandoned = page.filter((item) => item.sentOn === fence && this.isWaiting(item));
      if (abandoned.some(isUncertain)) return 'uncertain';
      await inParallel(abandoned, parallelClaims, (item) => this.ports.inflight.markUnsent(item, fence));
    }
    return 'done';
  }

  /**
   * Returns whether an item is to be sent. Called in the order of the queue: it counts the messages that the client has, and admits
   * nothing after the window is full [MQTT-3.3.4-9].
   */
  private admit(item: QueueItem): boolean {
    this.oldest ??= item.number;
    const isWaiting = this.isWaiting(item);
    if (isWaiting && (this.isWindowFull || this.unacknowledged + item.messages.length > this.window)) {
      this.isWindowFull = true;
      return false;
    }
    if (isWaiting || item.sentOn === this.connection.fence) this.unacknowledged += item.messages.length;
    return isWaiting;
  }

  /** The item was not sent on this connection, or one of these events has claimed it before its worker died. */
  private isWaiting(item: QueueItem): boolean {
    const { fence } = this.connection;
    if (item.sentOn > fence) return false;
    return item.sentOn < fence || (this.eventIds.includes(item.sentBy) && !this.scope.posted.has(item.number));
  }

  private post(item: QueueItem): void {
    const { clientId, session, fence, connectionId, version, capabilities } = this.connection;
    const { slot, number, qos } = item;
    for (const queued of item.messages) {
      const { packetId } = queued;
      const source = { kind: 'queued', clientId, session, fence, slot, number, packetId, qos } as const;
      const packet = this.packetFor(item, queued);
      const bytes = encode(packet, version);
      const alias = packet.cmd === 'publish' ? aliasable(packet, bytes, capabilities) : undefined;
      logPacket(this.ports, this.connection, { direction: 'out', packet, size: bytes.length });
      const publish = packet.cmd === 'publish' && { publish: { qos, payloadBytes: packet.payload.length } };
      this.dispatch.outbox.add(connectionId, { bytes, source, ...(alias && { aliasable: alias }), ...publish });
    }
  }

  private packetFor({ state, qos, sentOn }: QueueItem, { packetId, message, retain, identifiers }: QueuedMessage) {
    if (state === 'released') return { cmd: 'pubrel', messageId: packetId } as const;
    return toPublish(message, { qos, packetId, dup: sentOn !== '', retain, identifiers, now: this.ports.now() });
  }

  /** Splits bundles, which were made for a client without a Receive Maximum, for a client that has one now. */
  private async unbundled(page: readonly QueueItem[]): Promise<readonly QueueItem[]> {
    if (this.window === Number.POSITIVE_INFINITY || !page.some(({ slot }) => isBundled(slot))) return page;
    const split: QueueItem[] = [];
    for (const item of page) {
      if (!isBundled(item.slot)) split.push(item);
      else split.push(...(await this.splitBundle(item)));
    }
    return split;
  }

  /** Puts the parts before it removes the bundle: a worker that dies in between leaves a duplicate, which QoS 1 allows. */
  private async splitBundle(item: QueueItem): Promise<QueueItem[]> {
    const parts = item.messages.map((queued) => {
      const { slot, number, packetId } = positionAlone(item.number + (queued.packetId - item.slot));
      return { ...item, slot, number, messages: [{ ...queued, packetId }] };
    });
    await this.ports.inflight.putInOrder(parts);
    await this.ports.inflight.remove(
      item.session,
      item.messages.map(({ packetId }) => packetId),
    );
    return parts;
  }

  /**
   * Removes messages that expired before they were sent [MQTT-3.3.2-5], that the client may no longer receive, or that are larger than
   * it takes [MQTT-3.1.2-25]. Also removes QoS 2 messages that are completed: a write that was repeated because its result got lost
   * can bring such a message back, and its record tells.
   */
  private async withoutUndeliverable(items: readonly QueueItem[]): Promise<readonly QueueItem[]> {
    const now = this.ports.now();
    const { permissions } = this.turn;
    const unwanted = items.flatMap(({ sentOn, messages }) =>
      sentOn === ''
        ? messages.filter(({ message }) => isExpired(message, now) || !permissions.mayReceive(message.topic))
        : [],
    );
    const tooLarge = items.flatMap((item) => item.messages.filter((queued) => this.isTooLarge(item, queued)));
    const completed = await this.completed(items);
    if (unwanted.length + tooLarge.length + completed.length === 0) return items;
    this.countDropped(unwanted, tooLarge);
    const removed = new Set([...unwanted, ...tooLarge, ...completed].map(({ packetId }) => packetId));
    await this.ports.inflight.remove(this.connection.session, [...removed]);
    return items
      .map((item) => ({ ...item, messages: item.messages.filter(({ packetId }) => !removed.has(packetId)) }))
      .filter(({ messages }) => messages.length > 0);
  }

  private countDropped(unwanted: readonly QueuedMessage[], tooLarge: readonly QueuedMessage[]): void {
    const { metrics, now, log } = this.ports;
    const expired = unwanted.filter(({ message }) => isExpired(message, now()));
    if (expired.length > 0) metrics.count('DroppedExpired', expired.length);
    if (tooLarge.length === 0) return;
    metrics.count('DroppedTooLarge', tooLarge.length);
    log('packet too large', { clientId: this.connection.clientId, dropped: tooLarge.length });
  }

  private isTooLarge(item: QueueItem, queued: QueuedMessage): boolean {
    const { version, capabilities } = this.connection;
    const packet = this.packetFor(item, queued);
    return packet.cmd === 'publish' && publishSize(packet, version) > maxOutgoingPacketSize(capabilities);
  }

  private async completed(items: readonly QueueItem[]): Promise<QueuedMessage[]> {
    const unsent = items.filter(({ qos, state }) => qos === 2 && state === 'published');
    if (unsent.length === 0) return [];
    const records = await this.ports.inflight.qos2Records(unsent.map(({ session, id }) => ({ session, id: id ?? '' })));
    const done = new Map(records.filter((record) => record.done).map(({ id, number }) => [id, number]));
    return unsent.filter(({ id, number }) => done.get(id ?? '') === number).flatMap(({ messages }) => messages);
  }
}

/** True for a QoS 2 PUBLISH that a dead worker has claimed: it may have reached the client or not. */
function isUncertain({ qos, state }: QueueItem): boolean {
  return qos === 2 && state === 'published';
}
