import type { Effect, Message } from '../../protocol/effects';
import type { ClientPacket } from '../../protocol/packets';
import type { Permissions } from '../../protocol/permissions';
import type { SessionView } from '../../protocol/session-view';
import { resolveAlias } from '../../protocol/topic-alias';
import type { Settings } from '../../settings';
import type { AdminDisconnect, ConnectionRecord, FrameRest, StoredConnection } from '../model/connection';
import {
  type ConnectionEvent,
  isFrame,
  maxEarlyBytes,
  maxEarlyFrames,
  type ReadyFrame,
} from '../model/connection-event';
import { ControlMeter } from '../model/control-allowance';
import type { PendingRetained, WritingTurn } from '../model/retained-message';
import { logDenials } from '../observability/denied-log';
import { countReceived } from '../observability/metrics';
import { ConnectionAliases } from '../outbound/topic-aliases';
import type { Ports } from '../ports/ports';
import type { OrderedFrames } from './frames';
import { TurnBudget } from './turn-budget';

/** A message or subscription that the permissions of the client refuse. */
export type Denied = Extract<Effect, { do: 'deny' }>;

/** State of the connection during one turn: the only mutable state that the parts of the turn share. */
export class ConnectionState {
  connection: ConnectionRecord | undefined;
  /** Known as soon as the client is connected. */
  permissions: Permissions | undefined;
  /** Bytes behind the last whole packet. */
  tail: Buffer;
  /** Number of the frame that is read. */
  lastNumber: number;
  /** Set when the budget is spent: identifies the packets in `tail`, which wait for the next event. */
  rest: FrameRest | undefined;
  /** Frames that wait for the next event: behind a CONNECT that waits for a takeover, or behind `rest`. */
  waiting: readonly ReadyFrame[] = [];
  /** An administrator's request to disconnect the client, if the events hold one. */
  adminDisconnect: AdminDisconnect | undefined;
  /** An administrator discards the session: nobody will resume it. */
  isDiscarded = false;
  /** The session was resumed in this turn, so messages may wait in its queue. */
  isResumed = false;
  /** The client has acknowledged messages and takes only Receive Maximum of them at a time. */
  isWindowFreed = false;
  readonly aliases: ConnectionAliases;
  readonly control: ControlMeter;
  readonly budget: TurnBudget;
  readonly denied: Denied[] = [];
  /** Messages that the client has published in this turn, for the metrics. */
  readonly published: Message[] = [];
  /** Retained messages that new subscriptions are still to be sent, by subscription name. */
  retained = new Map<string, PendingRetained>();
  /** Topics of QoS 2 messages, whose PUBREC says if nobody subscribed, though they are routed later. */
  readonly heldTopics = new Set<string>();

  constructor(
    /** The connection when the turn began: as it is stored, or as the cache remembers it. */
    readonly stored: StoredConnection,
    private readonly events: readonly ConnectionEvent[],
    private readonly settings: Settings,
  ) {
    const { connection, pending } = stored;
    this.connection = connection;
    this.tail = (connection ?? pending)?.tail ?? Buffer.alloc(0);
    this.lastNumber = connection?.lastNumber ?? 0;
    this.aliases = new ConnectionAliases(connection?.outgoingAliases);
    this.control = new ControlMeter(connection?.control, settings);
    this.budget = new TurnBudget(this.control, { isRedelivered: this.isRedelivered });
  }

  /** The connection as it was stored when the turn began; undefined until a turn has committed its CONNECT. */
  get before(): ConnectionRecord | undefined {
    return this.stored.connection;
  }

  /** True if an earlier attempt may have done part of this turn. */
  get isRedelivered(): boolean {
    return this.events.some(({ redelivered }) => redelivered);
  }

  /** True if the client is connected and the turn holds nothing but its frames. */
  get isOrdinary(): boolean {
    const { before, events } = this;
    if (!before || before.ended || before.supersededAt !== undefined) return false;
    return events.every((event) => isFrame(event) && !event.exhausted);
  }

  /** True if retained messages wait: for subscriptions of this turn, or left by earlier turns. */
  get hasRetainedToSend(): boolean {
    return this.retained.size > 0 || this.events.some(({ kind }) => kind === 'continue');
  }

  /** True if messages may wait in the queue of the session. A redelivered event may have been in one turn with a wake. */
  get hasQueuedToSend(): boolean {
    if (this.isResumed || this.isWindowFreed) return true;
    return this.events.some(({ kind, redelivered }) => kind === 'wake' || redelivered);
  }

  /** @throws Error before the client is connected, which is a fault of the caller. */
  current(): ConnectionRecord {
    if (!this.connection) throw new Error('the client is not connected');
    return this.connection;
  }

  /** @throws Error before the client is connected, which is a fault of the caller. */
  permitted(): Permissions {
    if (!this.permissions) throw new Error('the permissions of the client are not known');
    return this.permissions;
  }

  /** Returns the view of the packet handlers; undefined before the client is connected. */
  view(): SessionView | undefined {
    const { connection, permissions } = this;
    if (!connection || !permissions) return undefined;
    const { clientId, version, sessionExpiry, authentication } = connection;
    const view = { clientId, version, sessionExpiry, permissions };
    if (!authentication) return view;
    const { method, state } = authentication;
    return { ...view, authentication: { method, isPending: state !== undefined } };
  }

  /**
   * Replaces the topic alias of a PUBLISH by its topic, and keeps an alias that it sets [MQTT-3.3.2-12].
   *
   * @throws ProtocolError for an alias that is too large or was never set.
   */
  resolveAlias(packet: ClientPacket): ClientPacket {
    if (packet.cmd !== 'publish' || !this.connection) return packet;
    const resolved = resolveAlias(packet, this.connection.aliases, this.settings.maxTopicAliases);
    if (resolved.aliases !== this.connection.aliases) {
      this.connection = { ...this.connection, aliases: resolved.aliases };
    }
    return resolved.packet;
  }

  /**
   * Leaves packets of a frame to the next event. False if the connection's record cannot hold them and the frames behind them; then
   * the turn goes on.
   */
  pause(packets: readonly Buffer[], rest: FrameRest, behind: readonly ReadyFrame[]): boolean {
    const bytes = [...packets, ...behind.map((frame) => frame.bytes)].reduce((sum, { length }) => sum + length, 0);
    if (!this.connection || bytes > maxEarlyBytes || behind.length > maxEarlyFrames || this.lostAt() !== undefined)
      return false;
    this.tail = Buffer.concat(packets);
    this.rest = rest;
    return true;
  }

  /** Returns the time at which the socket was closed, milliseconds since 1970; undefined while it is open. */
  lostAt(): number | undefined {
    const event = this.events.find(({ kind }) => kind === 'disconnect');
    return event?.receivedAt ?? this.stored.pending?.takeover?.lostAt;
  }

  /** Returns the time of the last frame of the connection at the gateway, milliseconds since 1970. */
  lastSeen(connection: ConnectionRecord): number {
    return Math.max(connection.lastSeen, ...this.events.filter(isFrame).map(({ receivedAt }) => receivedAt));
  }

  /** The frames that were handled or have to wait. Waiting frames are kept as early ones. */
  received({ lastNumber, early }: OrderedFrames) {
    const numbered = this.waiting.flatMap((frame) =>
      frame.number === undefined ? [] : [{ ...frame, number: frame.number }],
    );
    const unnumbered = this.waiting.flatMap(({ number, bytes }) => (number === undefined ? [bytes] : []));
    const [first] = numbered;
    return {
      lastNumber: first ? first.number - 1 : lastNumber,
      early: [...numbered, ...early],
      tail: Buffer.concat([this.tail, ...unnumbered]),
    };
  }

  /** The record of the connection after this turn. */
  after(connection: ConnectionRecord, frames: OrderedFrames): ConnectionRecord {
    const { rest, aliases } = this;
    const { left: control = connection.control } = this.control;
    return {
      ...connection,
      lastSeen: this.lastSeen(connection),
      outgoingAliases: aliases.isChanged ? aliases.all : connection.outgoingAliases,
      ...this.received(frames),
      rest,
      ...(control && { control }),
    };
  }

  /** Logs and counts what the client did in this turn: at its end, so that a repeated turn reports once. */
  report(ports: Ports, connection: ConnectionRecord): void {
    if (this.denied.length > 0) logDenials(ports, connection, this.denied);
    countReceived(ports.metrics, this.published);
  }

  /** Identifies this turn to writers of retained messages: it is over when its frames are committed. Undefined where none will be. */
  writingTurn(): WritingTurn | undefined {
    const { before, lastNumber } = this;
    return before && lastNumber > before.lastNumber
      ? { connectionId: before.connectionId, number: lastNumber }
      : undefined;
  }
}
