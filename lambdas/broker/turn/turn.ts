import { decode } from '../../protocol/codec/decode';
import { checkBeginning } from '../../protocol/codec/fixed-header';
import type { Effect, Message } from '../../protocol/effects';
import { type FittedPacket, fitPacket, mustFit } from '../../protocol/fit-packet';
import { handlePacket } from '../../protocol/handle-packet';
import { largestPacket } from '../../protocol/limits';
import { splitPackets } from '../../protocol/packet-splitter';
import type { ClientPacket, ProtocolVersion, ServerPacket } from '../../protocol/packets';
import { shorterExpiry } from '../../protocol/packets/connect';
import type { Permissions } from '../../protocol/permissions';
import { connackCode, ProtocolError, Reason } from '../../protocol/reason-codes';
import { resolveAlias } from '../../protocol/topic-alias';
import type { Settings } from '../../settings';
import { together } from '../../shared/parallel';
import { LoginRefused } from '../connect/authenticate';
import { connack } from '../connect/connack';
import { ConnectFlow, type ConnectResult, checkConnectSize } from '../connect/connect-flow';
import { interruptedConnect } from '../connect/interrupted-connect';
import type { AckResult } from '../delivery/acknowledgements';
import { Deliverer } from '../delivery/deliverer';
import { type DrainResult, drainQueue } from '../delivery/drain-queue';
import { keepAliveDeadline, renewTimer } from '../expiry/deadlines';
import type { AdminDisconnect, ConnectionRecord, Ending, FrameRest, StoredConnection } from '../model/connection';
import { type ConnectionEvent, earlyBytes, earlyCount, isFrame, type ReadyFrame } from '../model/connection-event';
import { ControlMeter } from '../model/control-allowance';
import { timeOf } from '../model/fence';
import type { Origin } from '../model/origin';
import type { PendingRetained, WritingTurn } from '../model/retained-message';
import { logDenials } from '../observability/denied-log';
import { countReceived } from '../observability/metrics';
import { logPacket, type Party } from '../observability/packet-log';
import type { CloseReason } from '../outbound/close-connection';
import { Dispatch } from '../outbound/dispatch';
import { ConnectionAliases } from '../outbound/topic-aliases';
import type { Ports } from '../ports/ports';
import { Publisher } from '../publishing/publisher';
import { RetainedWriteWait } from '../publishing/retained-write-wait';
import { RetainedWriter } from '../publishing/retained-writer';
import { holdPacketId, releasePacketId } from '../publishing/unreleased-packet-ids';
import { chargeFragments, chargePublish } from '../session/account-usage';
import { adminDisconnectIn, discardSession, disconnectAbsent } from '../session/admin-disconnect';
import {
  continueElsewhere,
  continueRetained,
  retainedContinuationsIn,
  stillSubscribed,
} from '../session/continue-retained';
import { deletionsIn, SessionDeleter } from '../session/delete-session';
import { endConnection } from '../session/end-connection';
import { sendRetained } from '../session/send-retained';
import { completeEnding } from '../session/session-end';
import { type Subscribed, subscribe, unsubscribe } from '../session/subscribe';
import type { Router } from '../topic-index/router';
import type { ConnectionCache } from './connection-cache';
import { type OrderedFrames, orderFrames } from './frame-order';
import { PendingWrites } from './pending-writes';
import { sessionViewOf } from './session-view';
import { TurnBudget } from './turn-budget';

/** What a client is told when nobody knows what it has already seen. */
const uncertain: CloseReason = { reason: Reason.unspecifiedError };
/** What it is told when a backend wants it gone. */
const dismissed: CloseReason = { reason: Reason.administrativeAction };

/** What all turns of one container share. */
export interface ContainerState {
  readonly ports: Ports;
  readonly settings: Settings;
  readonly connections: ConnectionCache;
}

/** A SUBSCRIBE that is gathered with its neighbours. */
type Subscribing = Omit<Extract<Effect, { do: 'subscribe' }>, 'do'> & { readonly origin: Origin };
type Unsubscribing = Omit<Extract<Effect, { do: 'unsubscribe' }>, 'do'>;

/**
 * All that one invocation does for one connection: load, decode, handle, make durable, send, commit. The commit comes
 * last, so whatever dies before is done again, and everything here is safe to do again.
 */
export class Turn {
  readonly ports: Ports;
  readonly dispatch: Dispatch;
  private readonly ownAliases: ConnectionAliases;
  readonly deliverer: Deliverer;
  readonly publisher: Publisher;
  readonly deleter: SessionDeleter;
  readonly writes: PendingWrites;
  readonly retainedWait: RetainedWriteWait;
  private tail: Buffer;
  private connection: ConnectionRecord | undefined;
  /** What the client may do; known once the connection is. */
  private permissions: Permissions | undefined;
  private readonly connectFlow: ConnectFlow;
  /** As it was stored when the turn began; absent until CONNECT has been handled. */
  private readonly before: ConnectionRecord | undefined;
  private isOver = false;
  /** A backend wants the client gone. */
  private readonly adminDisconnect: AdminDisconnect | undefined;
  /** Its session goes too: nobody will resume it. */
  private isDiscarded = false;
  /** A session goes on that has messages waiting, perhaps. */
  private isResumed = false;
  /** A client that takes only so many messages at a time is done with some. */
  private hasRoom = false;
  private readonly denied: Extract<Effect, { do: 'deny' }>[] = [];
  /** Client id of a CONNECT in these frames. */
  private announced = '';
  /** Messages of these frames, for the metrics. */
  private readonly publishes: Message[] = [];
  private readonly control: ControlMeter;
  private readonly budget: TurnBudget;
  /** Present when the budget is spent: what is left of the frames waits for the next event. */
  private rest: FrameRest | undefined;
  /** Frames behind a CONNECT that waits for another connection to end, or beyond the budget. */
  private held: readonly ReadyFrame[] = [];
  /** Frames behind the one that is read. */
  private behind: readonly ReadyFrame[] = [];
  private readonly subscribing: Subscribing[] = [];
  private readonly unsubscribing: Unsubscribing[] = [];
  /** Topics of QoS 2 messages, which are routed only later. */
  private readonly askedAbout = new Set<string>();
  /** Retained messages for subscriptions of this turn, by name. */
  private owed = new Map<string, PendingRetained>();
  /** Number of the frame that is read. */
  private lastNumber = 0;

  constructor(
    private readonly shared: ContainerState,
    private readonly router: Router,
    readonly connectionId: string,
    readonly events: readonly ConnectionEvent[],
    { connection, pending }: StoredConnection,
    /** Whether the connection is still as this turn believes; nothing is sent before it is known. */
    private readonly cacheConfirmed: Promise<boolean> = Promise.resolve(true),
  ) {
    this.ports = shared.ports;
    const collaborators = { ports: shared.ports, settings: shared.settings };
    this.ownAliases = new ConnectionAliases(connection?.outgoingAliases);
    this.dispatch = new Dispatch({ ...collaborators, own: { connectionId, aliases: this.ownAliases } });
    this.deliverer = new Deliverer({ ...collaborators, dispatch: this.dispatch });
    this.retainedWait = new RetainedWriteWait(shared.ports);
    const { dispatch, deliverer, retainedWait } = this;
    const turn = () => this.writingTurn();
    const retainedWriter = new RetainedWriter({ ...collaborators, dispatch, retainedWait, turn });
    this.publisher = new Publisher({ ...collaborators, router, deliverer, retainedWriter });
    this.deleter = new SessionDeleter(shared.ports, this.deliverer, this.dispatch, () => this.occasion());
    this.control = new ControlMeter(connection?.control, shared.settings);
    const { control } = this;
    this.budget = new TurnBudget(
      control,
      events.some(({ redelivered }) => redelivered),
    );
    const { budget } = this;
    const client = { record: () => this.current(), permissions: () => this.permitted() };
    this.writes = new PendingWrites(shared.ports, this.publisher, this.dispatch, client, budget);
    this.before = connection;
    this.connection = connection;
    this.adminDisconnect = adminDisconnectIn(events);
    this.connectFlow = new ConnectFlow(
      { ...this, settings: shared.settings, send: (packet, version) => this.send(packet, version) },
      pending,
    );
    this.tail = (connection ?? pending)?.tail ?? Buffer.alloc(0);
  }

  async run(): Promise<void> {
    this.shared.connections.delete(this.connectionId); // back when this turn is committed
    await this.continueWiping();
    this.isDiscarded = await discardSession(this.ports, this.adminDisconnect, this.connection);
    if (!this.connection || this.connection.ended) await this.continueElsewhere();
    if (this.connection?.ended) return this.afterTheEnd(this.connection, this.connection.ended);
    if (!this.connection && this.events.every(({ kind }) => kind === 'continue')) return; // it is gone
    if (await this.isTakenOver()) return this.handOver(); // whoever took over has published and removed the will, if it came as far as that
    if (this.events.some(({ exhausted }) => exhausted)) return this.giveUp();
    const inbox = orderFrames(this.connection ?? this.connectFlow.pending.stored, this.events);
    this.lastNumber = this.connection?.lastNumber ?? 0;
    try {
      await this.workOff(inbox);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      if (!(await this.cacheConfirmed)) return; // then the careful turn says it
      await this.refuse(error);
    }
  }

  /** Goes on removing a session that this connection created, whoever has replaced or ended it. */
  private async continueWiping(): Promise<void> {
    for (const { clientId, session, hasShares } of deletionsIn(this.events)) {
      await this.deleter.delete(clientId, session, hasShares);
    }
  }

  /** Another connection has the session: it goes on with what is left to do for it. */
  private async handOver(): Promise<void> {
    await this.continueElsewhere();
    return this.lose();
  }

  private async continueElsewhere(): Promise<void> {
    for (const continuation of retainedContinuationsIn(this.events))
      await continueElsewhere(this, continuation, this.occasion());
    await this.dispatch.send();
  }

  /** Whether another connection has the session by now, without having waited for the end of this one. */
  private async isTakenOver(): Promise<boolean> {
    const { connection, ports } = this;
    if (connection?.supersededAt === undefined) return false;
    if (connection.isTakenOver) return true;
    return (await ports.connectionStore.renewSuperseded(connection.connectionId, ports.now())) === 'taken over';
  }

  /** Nothing of the events is worked off any more but the wish to remove a session; the client's resume settles the rest. */
  private async giveUp(): Promise<void> {
    if (this.adminDisconnect && !this.connection)
      await disconnectAbsent(this.ports, this, this.adminDisconnect, this.isDiscarded);
    return this.lose(this.adminDisconnect ? dismissed : uncertain);
  }

  /** @throws ProtocolError for what a packet says, or for what the work that it asks for has found. */
  private async workOff(inbox: OrderedFrames): Promise<void> {
    if (this.connection) await this.checkStanding(this.connection);
    await this.goOnWaiting();
    if (!this.isOver) await this.readFrames(inbox);
    if (this.isOver) return;
    if (this.adminDisconnect) return this.dismiss(this.adminDisconnect);
    if (this.connectFlow.isWaiting) return this.waitOutside(inbox);
    if (this.isLost()) return this.lose(this.isGone() ? undefined : { reason: Reason.keepAliveTimeout });
    if (this.connection) await this.conclude(await this.charged(this.connection, inbox), inbox);
    else await this.waitOutside(inbox);
  }

  /** Who the client is, it has proved before; whether that still holds, and what it may do, is asked in every turn. */
  private async checkStanding({ identity, clientId }: ConnectionRecord): Promise<void> {
    const until = identity.expiresAt ?? Number.POSITIVE_INFINITY;
    if (this.events.some(({ receivedAt }) => receivedAt >= until)) {
      throw new ProtocolError(Reason.maximumConnectTime, 'what the client has proved holds no longer');
    }
    const permissions = await this.ports.access.permissions(identity, clientId);
    if (permissions === 'revoked') throw new ProtocolError(Reason.administrativeAction, 'access was revoked');
    this.permissions = permissions;
  }

  /** The client was not let in yet: what came so far is kept, and what there is to answer leaves. */
  private async waitOutside(inbox: OrderedFrames): Promise<void> {
    await this.dispatch.send();
    if (this.isGone()) this.connectFlow.pending.lose(this.endedAt());
    if (!(await this.connectFlow.pending.keep(this.received(inbox)))) await this.lose();
  }

  /** Frames that have to wait are kept as early ones: behind a CONNECT until the session is open, or until the next event. */
  private received({ lastNumber, early }: OrderedFrames) {
    const numbered = this.held.flatMap((frame) =>
      frame.number === undefined ? [] : [{ ...frame, number: frame.number }],
    );
    const unnumbered = this.held.flatMap(({ number, bytes }) => (number === undefined ? [bytes] : []));
    const [first] = numbered;
    return {
      lastNumber: first ? first.number - 1 : lastNumber,
      early: [...numbered, ...early],
      tail: Buffer.concat([this.tail, ...unnumbered]),
    };
  }

  /**
   * Opens the session for a CONNECT that waited, then handles what came behind it in the same frame. A connection that was closed
   * tries too: a newer one may wait in its place.
   */
  private async goOnWaiting(): Promise<void> {
    const { takeover, lastNumber } = this.connectFlow.pending.stored ?? {};
    const occasion = this.events.find(({ kind }) => kind === 'wake' || kind === 'disconnect');
    if (!takeover || !occasion) return;
    await this.comeIn(await this.connectFlow.continueTakeover(takeover, this.surroundings(this.ports.now())));
    if (!this.connection || this.isOver || this.tail.length === 0) return;
    const { id: eventId, redelivered } = occasion;
    const bytes = this.tail;
    this.tail = Buffer.alloc(0);
    const { since: receivedAt, connectedAt } = takeover;
    const number = lastNumber ? { number: lastNumber } : {};
    await this.readFrame({ ...number, bytes, eventId, redelivered, receivedAt, connectedAt });
  }

  /** What the broker itself leaves to the next event counts nothing. */
  private async charged(connection: ConnectionRecord, { early }: OrderedFrames): Promise<ConnectionRecord> {
    const frames = this.events.filter(isFrame);
    if (this.rest || frames.length === 0) return connection;
    return chargeFragments(this.ports, connection, { tail: this.tail, early, frames });
  }

  // ---- frames to effects ----

  private async readFrames({ ready, broken }: OrderedFrames): Promise<void> {
    this.behind = ready;
    await this.goOnReading();
    if (this.isOver) return;
    for (const [index, frame] of ready.entries()) {
      if (this.connectFlow.isWaiting || this.rest) {
        this.held = ready.slice(index);
        break;
      }
      this.behind = ready.slice(index + 1);
      await this.readFrame(frame);
      if (this.isOver) return;
    }
    if (this.rest) return;
    await this.flushSubscriptions();
    if (broken) throw broken;
  }

  /** Reads what an earlier turn has left of a frame. */
  private async goOnReading(): Promise<void> {
    const { before, tail, events } = this;
    if (!before?.rest) return;
    const number = before.lastNumber > 0 ? { number: before.lastNumber } : {};
    const redelivered = events.some((event) => event.redelivered);
    this.tail = Buffer.alloc(0);
    await this.readFrame({ ...before.rest, ...number, bytes: tail, redelivered, connectedAt: timeOf(before.fence) });
  }

  private async readFrame(frame: ReadyFrame): Promise<void> {
    this.lastNumber = frame.number ?? this.lastNumber;
    if (!this.connection) checkConnectSize(Buffer.concat([this.tail, frame.bytes]));
    const { packets, tail, broken } = splitPackets(this.tail, frame.bytes, this.shared.settings.maxPacketSize);
    this.tail = tail;
    for (const [index, bytes] of packets.entries()) {
      if (this.budget.isSpent && this.pause([...packets.slice(index), tail], frame, index)) return;
      if (!this.connection) this.connectFlow.readConnectHeader(bytes);
      const { eventId, redelivered, receivedAt, connectedAt } = frame;
      const packet = decode(bytes, this.connection?.version ?? this.connectFlow.version);
      this.connectFlow.noteConnect(packet, bytes);
      logPacket(this.ports, this.party(packet), { direction: 'in', packet, size: bytes.length });
      await this.spend(packet, bytes, receivedAt);
      await this.handle(packet, {
        eventId,
        id: `${eventId}.${(frame.firstIndex ?? 0) + index}`,
        redelivered,
        receivedAt,
        connectedAt,
      });
      if (this.isOver) return;
      if (this.connectFlow.isWaiting) {
        this.tail = Buffer.concat([...packets.slice(index + 1), tail]);
        break;
      }
    }
    checkBeginning(tail, this.connection?.version ?? this.connectFlow.version);
    if (broken) throw broken;
    if (this.connectFlow.isWaiting) return;
    if (tail.length > 0 && frame.number === undefined) {
      throw new ProtocolError(Reason.malformedPacket, 'frame without number ends inside a packet');
    }
  }

  /** Leaves the rest of a frame, from a packet on, to the next event, if the record of the connection can hold it and what is behind. */
  private pause(bytes: readonly Buffer[], { eventId, receivedAt, firstIndex = 0 }: ReadyFrame, index: number): boolean {
    const kept = [...bytes, ...this.behind.map((frame) => frame.bytes)].reduce((sum, { length }) => sum + length, 0);
    const isKept = kept <= earlyBytes && this.behind.length <= earlyCount && !this.isGone();
    if (!this.connection || !isKept) return false;
    this.tail = Buffer.concat(bytes);
    this.rest = { eventId, receivedAt, firstIndex: firstIndex + index };
    return true;
  }

  private async spend(packet: ClientPacket, bytes: Buffer, at: number): Promise<void> {
    if (packet.cmd !== 'publish' || !this.connection) return;
    const { ports, shared } = this;
    this.connection = await chargePublish(ports, shared.settings, this.connection, { bytes: bytes.length, at });
  }

  private async handle(packet: ClientPacket, origin: Origin): Promise<void> {
    const session = this.connection && this.permissions && sessionViewOf(this.connection, this.permissions);
    const resolved = this.withTopic(packet);
    if (session) this.budget.take(resolved, origin.receivedAt);
    const effects = handlePacket(resolved, session, this.surroundings(origin.receivedAt));
    for (const effect of effects) await this.apply(effect, origin);
  }

  private surroundings(now: number) {
    const generateClientId = () => `auto-${this.connectionId}`; // the same when CONNECT is handled again
    return { generateClientId, limits: this.shared.settings, now, pending: this.connectFlow.authentication };
  }

  private withTopic(packet: ClientPacket): ClientPacket {
    if (packet.cmd !== 'publish' || !this.connection) return packet;
    const resolved = resolveAlias(packet, this.connection.aliases, this.shared.settings.maxTopicAliases);
    if (resolved.aliases !== this.connection.aliases) {
      this.connection = { ...this.connection, aliases: resolved.aliases };
    }
    return resolved.packet;
  }

  private apply(effect: Effect, origin: Origin): Promise<void> | void {
    switch (effect.do) {
      case 'send':
        return this.send(effect.packet, this.current().version);
      case 'acknowledge':
        return this.acknowledge(effect);
      case 'deny':
        this.denied.push(effect);
        return;
      case 'accept':
        this.publishes.push(effect.message);
        return this.accept(effect.message, origin);
      case 'hold':
        return this.hold(effect, origin);
      case 'release':
        return this.release(effect.packetId, origin);
      case 'rejected':
        this.messageDone();
        return this.writes.acknowledge(effect.packetId, { kind: 'refusal' });
      case 'acknowledged':
        this.messageDone();
        return this.writes.acknowledge(effect.packetId, { kind: 'PUBACK' });
      case 'received':
        return this.markReceived(effect.packetId);
      case 'completed':
        this.messageDone();
        return this.writes.acknowledge(effect.packetId, { kind: 'PUBCOMP' });
      case 'connect':
        return this.connectFlow.connect(effect.request, origin).then((entered) => this.comeIn(entered));
      case 'authenticate':
        return this.authenticate(effect.data, origin);
      case 'subscribe':
        return this.subscribe({ ...effect, origin });
      case 'unsubscribe':
        return this.unsubscribe(effect);
      case 'disconnect':
        return this.end(effect);
    }
  }

  private send(packet: ServerPacket, version: ProtocolVersion): void {
    const fitted = mustFit(packet, version, this.largest());
    this.dispatch.outbox.respond(this.connectionId, () => this.logged(fitted));
  }

  /** @throws ProtocolError before anything is written for a packet whose answer could not be sent. */
  private checkFits(answer: ServerPacket): void {
    mustFit(answer, this.current().version, this.largest());
  }

  /** Bytes of the largest packet that the client takes, as far as it is known. */
  private largest(): number {
    return this.connection ? largestPacket(this.connection.capabilities) : this.connectFlow.packetLimit;
  }

  private logged({ packet, bytes }: FittedPacket): Buffer {
    logPacket(this.ports, this.party(packet), { direction: 'out', packet, size: bytes.length });
    return bytes;
  }

  /** Whether anybody has subscribed to the topic is known when the answers leave. */
  private acknowledge({ cmd, packetId: messageId, topic }: Extract<Effect, { do: 'acknowledge' }>): void {
    const { version } = this.current();
    if (cmd === 'pubrec' && version === 5) this.askedAbout.add(topic);
    this.answer(() => {
      if (version !== 5) return { cmd, messageId };
      if (cmd === 'puback' && this.publisher.notRetained.has(topic)) {
        return { cmd, messageId, reasonCode: Reason.quotaExceeded };
      }
      const isUnheard = this.publisher.topicsWithoutSubscribers.has(topic);
      return { cmd, messageId, ...(isUnheard && { reasonCode: Reason.noMatchingSubscribers }) };
    });
  }

  /** PUBREL or PUBCOMP. An unknown packet id is answered too, or the client would wait for ever; a wrong one is not. */
  private answerFinding(cmd: 'pubrel' | 'pubcomp', messageId: number, finding: AckResult): void {
    const { version } = this.current();
    this.answer(() => {
      if (finding.error === 'mismatched') return undefined;
      const isUnknown = version === 5 && finding.error === 'unknown';
      return { cmd, messageId, ...(isUnknown && { reasonCode: Reason.packetIdentifierNotFound }) };
    });
  }

  /** Sends what `packetOf` returns when all of the turn is durable, and nothing when it returns nothing. */
  private answer(packetOf: () => ServerPacket | undefined): void {
    const { version } = this.current();
    this.dispatch.outbox.respond(this.connectionId, () => {
      const packet = packetOf();
      return packet && this.logged(mustFit(packet, version, this.largest()));
    });
  }

  /** A client that was not let in yet is known by the client id of its CONNECT, as far as it was heard. */
  private party(packet: ClientPacket | ServerPacket): Party {
    if (packet.cmd === 'connect') this.announced = packet.clientId;
    return { connectionId: this.connectionId, clientId: this.connection?.clientId ?? this.announced };
  }

  private async hold({ packetId, message }: Extract<Effect, { do: 'hold' }>, origin: Origin): Promise<void> {
    this.publishes.push(message);
    const { maxUnreleased } = this.shared.settings;
    this.connection = await holdPacketId(this.ports, this.current(), { packetId, maxUnreleased });
    return this.writes.hold(packetId, message, origin);
  }

  /** A message behind SUBSCRIBE is heard by what was subscribed. */
  private async accept(message: Message, origin: Origin): Promise<void> {
    await this.flushInBetween();
    this.budget.route(message.topic);
    this.writes.accept(message, origin);
  }

  private async release(packetId: number, origin: Origin): Promise<void> {
    await this.flushInBetween();
    this.connection = await releasePacketId(this.ports, this.current(), packetId);
    this.answerFinding('pubcomp', packetId, this.writes.release(packetId, origin));
  }

  private markReceived(packetId: number): void {
    const finding: AckResult = {};
    this.writes.acknowledge(packetId, { kind: 'PUBREC', finding });
    this.answerFinding('pubrel', packetId, finding);
  }

  private messageDone(): void {
    this.hasRoom ||= this.current().capabilities.receiveMaximum !== undefined;
  }

  // ---- session ----

  private async comeIn(entered: ConnectResult): Promise<void> {
    if (entered === 'outside') return;
    if (entered === 'late') {
      this.isOver = true;
      await this.ports.connections.close(this.connectionId);
      return this.connectFlow.pending.drop();
    }
    if ('uncertain' in entered) {
      this.connection = entered.uncertain;
      return this.lose();
    }
    this.connection = entered.connection;
    this.permissions = entered.permissions;
    this.isResumed = entered.sessionPresent;
  }

  private async authenticate(data: Buffer | undefined, origin: Origin): Promise<void> {
    if (!this.connection) {
      return this.comeIn(
        await this.connectFlow.continueAuthentication(data, origin, this.surroundings(origin.receivedAt)),
      );
    }
    const proved = await this.connectFlow.reauthenticate(this.connection, data, origin);
    this.connection = proved.connection;
    if ('permissions' in proved) this.permissions = proved.permissions;
  }

  private async subscribe(packet: Subscribing): Promise<void> {
    const { packetId: messageId, requests } = packet;
    this.checkFits({ cmd: 'suback', messageId, granted: requests.map(() => 0) });
    if (this.unsubscribing.length > 0) await this.flushInBetween();
    this.subscribing.push(packet);
  }

  private async unsubscribe(packet: Unsubscribing): Promise<void> {
    const { packetId: messageId, names } = packet;
    this.checkFits({ cmd: 'unsuback', messageId, granted: names.map(() => 0) });
    if (this.subscribing.length > 0) await this.flushInBetween();
    this.unsubscribing.push(packet);
  }

  /** Before something that must find the subscriptions changed. */
  private async flushInBetween(): Promise<void> {
    if (this.subscribing.length + this.unsubscribing.length === 0) return;
    this.budget.step();
    await this.flushSubscriptions();
  }

  /** SUBSCRIBEs, or UNSUBSCRIBEs, that came one behind the other are one. */
  private async flushSubscriptions(): Promise<void> {
    const [subscribing, unsubscribing] = [this.subscribing.splice(0), this.unsubscribing.splice(0)];
    if (subscribing.length + unsubscribing.length === 0) return;
    if (!this.writes.isDone) this.budget.step();
    await this.writes.finish(); // what was published before is not for the new subscriptions
    if (subscribing.length > 0) await this.subscribeAll(subscribing);
    if (unsubscribing.length > 0) await this.unsubscribeAll(unsubscribing);
  }

  private async subscribeAll(packets: readonly Subscribing[]): Promise<void> {
    if (!this.before) await this.dispatch.send(); // from now on others may post to it, but CONNACK comes first [v3 MQTT-3.2.0-1]
    const connection = { ...this.current(), hasState: true };
    this.connection = connection;
    const requests = packets.flatMap((packet) => packet.requests);
    const subscribed = await subscribe(this.ports, this.shared.settings, this.router, connection, requests);
    if (subscribed.counts) this.connection = { ...connection, subscribed: subscribed.counts };
    const codes = [...subscribed.codes];
    for (const { packetId: messageId, requests: own } of packets) {
      this.send({ cmd: 'suback', messageId, granted: codes.splice(0, own.length) }, connection.version);
    }
    this.owe(packets, subscribed);
  }

  /** What retained messages new subscriptions get; a filter that is subscribed to again in the same turn gets them once. */
  private owe(packets: readonly Subscribing[], { granted, known }: Subscribed): void {
    const originOf = new Map(packets.flatMap(({ requests, origin }) => requests.map((request) => [request, origin])));
    for (const request of granted) {
      const { retainHandling = 0, share, name } = request;
      const origin = originOf.get(request);
      const isOwed = retainHandling === 0 || (retainHandling === 1 && !known.has(name)); // [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]
      if (!origin || !isOwed || share !== undefined) continue; // section 4.8.2: a share gets none
      const { id, receivedAt, redelivered } = origin;
      this.owed.set(name, { request, id, receivedAt, attempted: redelivered, queued: 0 });
    }
  }

  /** Sends retained messages: those of new subscriptions, and some of those that earlier turns have left. */
  private async sendRetained(recipient: ConnectionRecord): Promise<void> {
    const { ports, dispatch, deliverer, retainedWait, owed: fresh } = this;
    const { clientId, session, connectionId } = recipient;
    const continued = retainedContinuationsIn(this.events).filter((one) => one.session === session);
    if (fresh.size + continued.length === 0) return;
    await this.writes.forgetRouted(); // answers leave from here on
    const earlier = continued.flatMap(({ pending }) => pending).filter(({ request }) => !fresh.has(request.name));
    const [first, ...others] = await stillSubscribed(ports, recipient, earlier);
    const owed = [...(first ? [first] : []), ...fresh.values(), ...others];
    this.owed = new Map();
    const turn = { ports, dispatch, deliverer, retainedWait, recipient, permissions: this.permitted(), isAway: false };
    const left = await sendRetained(turn, owed);
    await continueRetained(ports, connectionId, { clientId, session, pending: left }, this.occasion());
  }

  /**
   * Names what this turn leaves to another: the same when it is repeated. A turn that has the work of an earlier one in hand leaves
   * it anew, even where it is the same.
   */
  private occasion(): string {
    const [first] = this.events;
    return [first, ...this.events.filter(({ kind }) => kind === 'continue')].map((event) => event?.id).join(' ');
  }

  private async unsubscribeAll(packets: readonly Unsubscribing[]): Promise<void> {
    const connection = this.current();
    const names = packets.flatMap((packet) => packet.names);
    const codes = [...(await unsubscribe(this.ports, this.router, connection, names))];
    for (const { packetId: messageId, names: own } of packets) {
      this.send({ cmd: 'unsuback', messageId, granted: codes.splice(0, own.length) }, connection.version);
    }
    for (const { name } of names) this.owed.delete(name);
  }

  // ---- the end of a turn, the end of a connection ----

  private async conclude(connection: ConnectionRecord, inbox: OrderedFrames): Promise<void> {
    await together([
      this.writes.finish(),
      this.askedAbout.size > 0 ? this.publisher.findSubscribers([...this.askedAbout]) : undefined,
    ]);
    if (!(await this.cacheConfirmed)) return;
    await this.sendRetained(connection);
    await this.writes.conclude();
    if ((await this.sendWaiting(connection)) === 'uncertain') return this.lose(uncertain);
    if (this.rest) await this.wakeForRest();
    const after = { ...connection, ...this.progress(connection, inbox) };
    await this.commit(after);
    if (this.events.some(({ kind }) => kind === 'expired')) await renewTimer(this.ports, after);
    this.report(connection);
  }

  /** When the turn is done, so that one that is repeated reports once. */
  private report(connection: ConnectionRecord): void {
    logDenials(this.ports, connection, [...this.denied, ...this.writes.denied]);
    countReceived(this.ports.metrics, this.publishes);
  }

  /** What waits in the ring of a session that was resumed, or that somebody says has something to send. */
  private async sendWaiting(connection: ConnectionRecord): Promise<DrainResult> {
    const { clientId, fence } = connection;
    const permissions = this.permitted();
    if (this.isResumed) {
      const head = await this.ports.sessions.markConnackSent(clientId, fence);
      return head === 'changed' ? 'answered' : drainQueue({ ...this, permissions }, connection, head);
    }
    // A redelivered event may have signed claims of a turn in whose company there was one that asked.
    const isAsked = this.hasRoom || this.events.some(({ kind, redelivered }) => kind === 'wake' || redelivered);
    return isAsked ? drainQueue({ ...this, permissions }, connection) : 'answered';
  }

  /**
   * Named after the last event: what an earlier attempt has sent with this name waits behind that event, so it may be dropped as a
   * duplicate.
   */
  private wakeForRest(): Promise<void> {
    return this.ports.packets.wake(this.connectionId, `rest#${this.events.at(-1)?.id}`);
  }

  private progress(connection: ConnectionRecord, inbox: OrderedFrames) {
    const lastSeen = Math.max(connection.lastSeen, ...this.events.filter(isFrame).map(({ receivedAt }) => receivedAt));
    const outgoingAliases = this.ownAliases.isChanged ? this.ownAliases.all : connection.outgoingAliases;
    const { left: control = connection.control } = this.control;
    const { rest } = this;
    return { lastSeen, outgoingAliases, ...this.received(inbox), rest, ...(control && { control }) };
  }

  private async commit(record: ConnectionRecord): Promise<void> {
    const { before } = this;
    if (before && !this.events.some(isFrame) && before.tail.length + before.early.length === 0) return; // nothing happened
    if (before) await this.ports.connectionStore.commit(record, before);
    else await this.ports.connectionStore.create(record);
    this.shared.connections.set(record);
  }

  /** DISCONNECT: the will is discarded [v3 MQTT-3.14.4-3], unless the client asks for it. */
  private async end({ withWill, sessionExpiry }: Extract<Effect, { do: 'disconnect' }>): Promise<void> {
    await this.flushSubscriptions();
    await this.writes.finish(); // a mistake in what came before it is found first, and then it counts nothing
    const { connection } = this;
    const { maxSessionExpiry } = this.shared.settings;
    const expiry = sessionExpiry !== undefined && shorterExpiry(sessionExpiry, maxSessionExpiry);
    if (connection && expiry !== false) this.connection = { ...connection, sessionExpiry: expiry };
    return this.leave(withWill, undefined);
  }

  /** What happens to a connection that is over: something falls due, or leftovers arrive. */
  private async afterTheEnd(connection: ConnectionRecord, ended: Ending): Promise<void> {
    if (this.adminDisconnect)
      await disconnectAbsent(this.ports, this, this.adminDisconnect, this.isDiscarded, connection);
    else if (this.events.some(({ kind }) => kind === 'expired'))
      await completeEnding(this.ports, this, connection, ended);
    else if (this.events.some(({ kind }) => kind !== 'continue')) await this.ports.connections.close(this.connectionId);
  }

  private isGone(): boolean {
    return this.lostAt() !== undefined;
  }

  /** When the socket was closed, milliseconds since 1970; perhaps while CONNECT waited for another connection to end. */
  private lostAt(): number | undefined {
    const event = this.events.find(({ kind }) => kind === 'disconnect');
    return event?.receivedAt ?? this.connectFlow.pending.stored?.takeover?.lostAt;
  }

  private isLost(): boolean {
    const { connection, events } = this;
    if (this.isGone()) return true;
    const expired = events.find(({ kind }) => kind === 'expired');
    if (!connection || !expired) return false;
    const lastSeen = Math.max(connection.lastSeen, ...events.filter(isFrame).map(({ receivedAt }) => receivedAt));
    return keepAliveDeadline({ keepAlive: connection.keepAlive, lastSeen }) <= expired.receivedAt;
  }

  /** The connection is gone without DISCONNECT, or has to be closed: the will is published. */
  private lose(farewell?: CloseReason): Promise<void> {
    return this.leave(true, farewell);
  }

  /** Behind all that the client has sent before. Without a record, the client is away, or never came in. */
  private async dismiss(dismissal: AdminDisconnect): Promise<void> {
    if (!this.connection) await disconnectAbsent(this.ports, this, dismissal, this.isDiscarded);
    return this.leave(dismissal.withWill, dismissed);
  }

  private async leave(wantsWill: boolean, reason: CloseReason | undefined): Promise<void> {
    this.isOver = true;
    const withWill = wantsWill && this.adminDisconnect?.withWill !== false;
    const entered = this.connection ?? (await this.unfinishedEntry());
    const connection = entered && this.asItMayBe(entered);
    if (connection) {
      if (this.permissions) await this.sendRetained(connection); // a session may outlive its connection, and so what it is owed
      await endConnection({ ...this, settings: this.shared.settings }, connection, {
        at: this.endedAt(),
        withWill,
        reason,
      });
      return this.report(connection);
    }
    await this.dispatch.send();
    await this.ports.connections.close(this.connectionId);
    await this.connectFlow.pending.drop();
  }

  /** An attempt that died may have let the client in before. */
  private async unfinishedEntry(): Promise<ConnectionRecord | undefined> {
    const { ports, deleter, connectionId, events } = this;
    const told = events.map((event) => (event.kind === 'disconnect' ? event.clientId : undefined));
    const clientId = told.find((found) => found !== undefined) ?? this.adminDisconnect?.clientId;
    if (!this.isRepeated() && clientId === undefined) return undefined;
    const { pending } = this.connectFlow;
    const { ready: frames } = orderFrames(pending.stored, events);
    const surroundings = this.surroundings(ports.now());
    return interruptedConnect({ ports, deleter, connectionId, pending, frames, surroundings, clientId });
  }

  /**
   * A session that was forsaken ends with its connection, and may hold messages though its client never subscribed. What an earlier
   * attempt has written is on record only when its turn was committed.
   */
  private asItMayBe(connection: ConnectionRecord): ConnectionRecord {
    if (this.isDiscarded) return { ...connection, sessionExpiry: 0, hasState: true };
    return this.isRepeated() ? { ...connection, hasState: true } : connection;
  }

  private isRepeated(): boolean {
    return this.events.some(({ redelivered }) => redelivered);
  }

  private endedAt(): number {
    return this.lostAt() ?? this.ports.now();
  }

  /** The client broke the protocol: it is told as far as its version has words, and closed. */
  private async refuse(error: ProtocolError): Promise<void> {
    const { reason, message } = error;
    if (!(error instanceof LoginRefused)) {
      this.ports.log('protocol error', { connectionId: this.connectionId, reason, message });
    }
    if (reason === Reason.messageRateTooHigh) this.ports.metrics.count('DroppedLimit');
    if (this.connection) return this.lose({ reason, text: message });
    const { refusalVersion } = this.connectFlow;
    const isUnderstood = refusalVersion === 5 || connackCode(reason) !== undefined;
    const answer = connack(reason, false, { reasonString: message });
    const fitted = isUnderstood && fitPacket(answer, refusalVersion, this.largest());
    if (fitted) this.dispatch.outbox.respond(this.connectionId, () => this.logged(fitted));
    return this.lose();
  }

  /** A turn whose end the record of the connection will tell: it is there already, and a frame will be committed. */
  private writingTurn(): WritingTurn | undefined {
    const { connectionId, before, lastNumber } = this;
    return before && lastNumber > before.lastNumber ? { connectionId, number: lastNumber } : undefined;
  }

  private permitted(): Permissions {
    if (!this.permissions) throw new Error(`what connection ${this.connectionId} may do is not known`);
    return this.permissions;
  }

  private current(): ConnectionRecord {
    if (!this.connection) throw new Error(`connection ${this.connectionId} has no session`);
    return this.connection;
  }
}
