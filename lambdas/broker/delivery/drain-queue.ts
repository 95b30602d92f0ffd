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
import { isTooEarly } from '../outbound/congestion';
import type { Dispatch } from '../outbound/dispatch';
import { aliasable } from '../outbound/topic-aliases';
import type { Ports } from '../ports/ports';

/** Slots claimed at the same time. */
const parallelClaims = 25;

/** Slots claimed to find out whether a client reads again. */
const claimsOfProbe = 5;

/** `uncertain`: a worker died between claim and post, and at QoS 2 nobody can tell what the client has seen. */
export type DrainResult = 'answered' | 'uncertain';

/** What sending from the ring needs of a turn. */
export interface DrainingTurn {
  readonly ports: Ports;
  readonly dispatch: Dispatch;
  readonly permissions: Permissions;
  /** Events of the turn, in order. */
  readonly events: readonly { readonly id: string; readonly redelivered: boolean }[];
}

/**
 * Sends what waits in the ring of a session, in order, until nobody asks any more or the client has as much as it takes at a
 * time, when its acknowledgements go on with it; or until it takes nothing for now, when a timer does. It runs only inside
 * the ordered stream of the connection that owns the session, so never twice at a time for one connection. A client that did not read
 * gets a few messages first; when the gateway takes them, the rest.
 *
 * The id of the first event signs the claims: should the worker die it is the first to be delivered
 * again, in whatever company or alone; a turn of redelivered events therefore always comes here, and knows the trace.
 * `known` is the head when it was read just now.
 */
export async function drainQueue(
  turn: DrainingTurn,
  connection: ConnectionRecord,
  known?: SessionItem,
): Promise<DrainResult> {
  const { ports } = turn;
  const eventIds = turn.events.map(({ id }) => id);
  const posted = new Set<number>();
  const isRedelivered = turn.events.some(({ redelivered }) => redelivered);
  for (let head = known; ; head = undefined) {
    head ??= await ports.sessions.read(connection.clientId);
    if (head?.owner !== connection.connectionId || head.wakeRequests === head.wakeHandled) return 'answered';
    if (isTooEarly(head, ports.now()) && !isRedelivered) return 'answered';
    const { congestion } = head;
    const isProbe = congestion?.isDrainScheduled === true;
    const mostClaims = isProbe && !isRedelivered ? claimsOfProbe : Number.POSITIVE_INFINITY;
    const round = new Round(turn, connection, { eventIds, posted, mostClaims });
    for await (const page of ports.inflight.inOrder(head.session, head.outSeq, round.howFar(head))) {
      if ((await round.sendPage(page)) === 'uncertain') return 'uncertain';
      if (turn.dispatch.outbox.isHeldUp && isRedelivered) return round.giveBack(head);
      if (round.isHeldBack || turn.dispatch.outbox.isHeldUp) return 'answered';
      if (isProbe && round.hasSent) break;
    }
    // Senders that see a scheduled pump ask for none, so the ring is read once more when they no longer see it.
    if (congestion && (isProbe || round.hasSent))
      await ports.sessions.relieve(head, round.hasSent ? undefined : congestion);
    else await ports.sessions.markWakeHandled(head, head.wakeRequests, round.settledUpTo(head));
  }
}

/** What a walk through the ring goes by. */
interface Walk {
  readonly eventIds: readonly string[];
  /** Numbers that were posted in this turn. */
  readonly posted: Set<number>;
  /** Of one page. */
  readonly mostClaims: number;
}

/** One walk through the ring. */
class Round {
  /** The client has as much as it takes, and there is more. */
  isHeldBack = false;
  /** The gateway has taken something. */
  hasSent = false;
  private oldest: number | undefined;
  /** Messages that the client has and did not acknowledge. */
  private unacknowledged = 0;
  private readonly window: number;
  private readonly ports: Ports;
  private readonly dispatch: Dispatch;

  constructor(
    private readonly turn: DrainingTurn,
    private readonly connection: ConnectionRecord,
    private readonly walk: Walk,
  ) {
    this.ports = turn.ports;
    this.dispatch = turn.dispatch;
    this.window = connection.capabilities.receiveMaximum ?? Number.POSITIVE_INFINITY;
  }

  /** Items to read at a time: a few where a long queue waits for a client that takes only some of it. */
  howFar({ outSeq, acknowledgedUpTo }: SessionItem): number | undefined {
    return outSeq - acknowledgedUpTo > 4 * this.window ? 2 * this.window : undefined;
  }

  /** Everything up to this number is acknowledged; known only for a client with a window, whose ring was counted. */
  settledUpTo(head: SessionItem): number | undefined {
    if (this.window === Number.POSITIVE_INFINITY) return undefined;
    return this.oldest === undefined ? head.outSeq : this.oldest - 1;
  }

  async sendPage(page: readonly QueueItem[]): Promise<DrainResult> {
    const items = await this.withoutDead(await this.unbundled(page));
    const { eventIds, posted, mostClaims } = this.walk;
    const waiting = items.filter((item) => this.mayGo(item)).slice(0, mostClaims);
    const { fence } = this.connection;
    const abandoned = (item: QueueItem) => item.sentOn === fence;
    if (waiting.some((item) => abandoned(item) && isUncertain(item))) return 'uncertain';
    const claims = await inParallel(waiting, parallelClaims, (item) =>
      abandoned(item) ? Promise.resolve('claimed') : this.ports.inflight.claim(item, fence, eventIds[0] ?? ''),
    );
    for (const [index, item] of waiting.entries()) {
      if (claims[index] !== 'claimed') continue; // acknowledged meanwhile, or taken by a newer connection
      posted.add(item.number);
      this.post(item);
    }
    await this.dispatch.send();
    this.hasSent ||= claims.includes('claimed') && !this.dispatch.outbox.isHeldUp;
    return 'answered';
  }

  /**
   * What an earlier attempt at these events has claimed and this one did not come to, because the client takes nothing: only these
   * events know their claims.
   */
  async giveBack({ session, outSeq }: SessionItem): Promise<DrainResult> {
    const { fence } = this.connection;
    for await (const page of this.ports.inflight.inOrder(session, outSeq)) {
      const abandoned = page.filter((item) => item.sentOn === fence && this.isWaiting(item));
      if (abandoned.some(isUncertain)) return 'uncertain';
      await inParallel(abandoned, parallelClaims, (item) => this.ports.inflight.unsend(item, fence));
    }
    return 'answered';
  }

  /** In order: counts what the client has, and holds back whatever comes after its window is full. */
  private mayGo(item: QueueItem): boolean {
    this.oldest ??= item.number;
    const waits = this.isWaiting(item);
    if (waits && (this.isHeldBack || this.unacknowledged + item.messages.length > this.window)) {
      this.isHeldBack = true;
      return false;
    }
    if (waits || item.sentOn === this.connection.fence) this.unacknowledged += item.messages.length;
    return waits;
  }

  /** Not sent on this connection yet; or claimed for one of these very events before its worker died. */
  private isWaiting(item: QueueItem): boolean {
    const { fence } = this.connection;
    if (item.sentOn > fence) return false;
    const { eventIds, posted } = this.walk;
    return item.sentOn < fence || (eventIds.includes(item.sentBy) && !posted.has(item.number));
  }

  private post(item: QueueItem): void {
    const { clientId, session, fence, connectionId, version, capabilities } = this.connection;
    const { slot, number, qos } = item;
    for (const content of item.messages) {
      const { packetId } = content;
      const source = { kind: 'ring', clientId, session, fence, slot, number, packetId, qos } as const;
      const packet = this.packetFor(item, content);
      const bytes = encode(packet, version);
      const alias = packet.cmd === 'publish' ? aliasable(packet, bytes, capabilities) : undefined;
      logPacket(this.ports, this.connection, { direction: 'out', packet, size: bytes.length });
      const sent = packet.cmd === 'publish' && { content: { qos, payloadBytes: packet.payload.length } };
      this.dispatch.outbox.add(connectionId, { bytes, source, ...(alias && { aliasable: alias }), ...sent });
    }
  }

  private packetFor({ state, qos, sentOn }: QueueItem, { packetId, message, retain, identifiers }: QueuedMessage) {
    if (state === 'released') return { cmd: 'pubrel', messageId: packetId } as const;
    return toPublish(message, { qos, packetId, dup: sentOn !== '', retain, identifiers, now: this.ports.now() });
  }

  /** Bundles were made for a client that takes any number at a time; the one that is here now gets their messages singly. */
  private async unbundled(page: readonly QueueItem[]): Promise<readonly QueueItem[]> {
    if (this.window === Number.POSITIVE_INFINITY || !page.some(({ slot }) => isBundled(slot))) return page;
    const split: QueueItem[] = [];
    for (const item of page) {
      if (!isBundled(item.slot)) split.push(item);
      else split.push(...(await this.takeApart(item)));
    }
    return split;
  }

  /** The pieces are put before the whole is removed: a worker that dies in between leaves a duplicate, as QoS 1 allows. */
  private async takeApart(item: QueueItem): Promise<QueueItem[]> {
    const pieces = item.messages.map((content) => {
      const place = positionAlone(item.number + (content.packetId - item.slot));
      return { ...item, slot: place.slot, number: place.number, messages: [{ ...content, packetId: place.packetId }] };
    });
    await this.ports.inflight.putInOrder(pieces);
    await this.ports.inflight.remove(
      item.session,
      item.messages.map(({ packetId }) => packetId),
    );
    return pieces;
  }

  /**
   * Messages are removed that expired before they were ever sent [MQTT-3.3.2-5], that their client may not hear any more, or that
   * it does not take because they are too large [MQTT-3.1.2-25]. And a write that was repeated because its
   * answer got lost can bring back a QoS 2 message that has been completed since; its record says so.
   */
  private async withoutDead(items: readonly QueueItem[]): Promise<readonly QueueItem[]> {
    const now = this.ports.now();
    const { permissions } = this.turn;
    const unwanted = items.flatMap(({ sentOn, messages }) =>
      sentOn === ''
        ? messages.filter(({ message }) => isExpired(message, now) || !permissions.mayReceive(message.topic))
        : [],
    );
    const tooLarge = items.flatMap((item) => item.messages.filter((content) => this.isTooLarge(item, content)));
    const completed = await this.completed(items);
    if (unwanted.length + tooLarge.length + completed.length === 0) return items;
    this.count(unwanted, tooLarge);
    const dead = new Set([...unwanted, ...tooLarge, ...completed].map(({ packetId }) => packetId));
    await this.ports.inflight.remove(this.connection.session, [...dead]);
    return items
      .map((item) => ({ ...item, messages: item.messages.filter(({ packetId }) => !dead.has(packetId)) }))
      .filter(({ messages }) => messages.length > 0);
  }

  private count(unwanted: readonly QueuedMessage[], tooLarge: readonly QueuedMessage[]): void {
    const { metrics, now, log } = this.ports;
    const expired = unwanted.filter(({ message }) => isExpired(message, now()));
    if (expired.length > 0) metrics.count('DroppedExpired', expired.length);
    if (tooLarge.length === 0) return;
    metrics.count('DroppedTooLarge', tooLarge.length);
    log('packet too large', { clientId: this.connection.clientId, dropped: tooLarge.length });
  }

  private isTooLarge(item: QueueItem, content: QueuedMessage): boolean {
    const { version, capabilities } = this.connection;
    const packet = this.packetFor(item, content);
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

/** At QoS 2 nobody can tell whether the client has seen what a dead worker has claimed. */
function isUncertain({ qos, state }: QueueItem): boolean {
  return qos === 2 && state === 'published';
}
