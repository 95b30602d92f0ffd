import type { Access } from '../access/access';
import type { Identity } from '../access/identity';
import type { ClientCapabilities, Message, Will } from '../protocol/effects';
import type { QoS } from '../protocol/packets';
import type { Allowance } from './allowance';
import type { Watched } from './deadline';
import type { Events } from './events';
import type { Metrics } from './metrics';
import type { Watch } from './watch';

/**
 * The order of two connections of one client id: API Gateway's connect time, then the connection id, as one sortable
 * string. A later fence always wins, so a late CONNECT of an older connection can never steal a session.
 */
export type Fence = string;

/** Identity of a session: the fence of the connection that created it. A new session is a new id, the old one is garbage. */
export type SessionId = string;

/** What outlives the single invocation about one open connection. */
export interface ConnectionRecord {
  readonly connectionId: string;
  readonly clientId: string;
  readonly version: number;
  /** Seconds that the session outlives its connection; 0 not at all. */
  readonly sessionExpiry: number;
  readonly session: SessionId;
  readonly fence: Fence;
  readonly capabilities: ClientCapabilities;
  /** Seconds; 0 is off. */
  readonly keepAlive: number;
  /** When the last frame reached the gateway, milliseconds since 1970. */
  readonly lastSeen: number;
  /** Number of the last frame whose effects are complete; 0 before the first numbered one. */
  readonly lastNumber: number;
  /** First bytes of a packet whose rest is in frames still to come. */
  readonly tail: Buffer;
  /** Frames that overtook others on their way to the queue. */
  readonly early: readonly EarlyFrame[];
  readonly hasWill: boolean;
  /** It is counted among the connections of its user. */
  readonly hasSeat: boolean;
  /** Whether the session has rows to remove when it ends. */
  readonly hasState: boolean;
  /** Topics by the aliases that the client set up. */
  readonly aliases: ReadonlyMap<number, string>;
  /** Topic aliases that its own stream has set up with this client. */
  readonly outgoingAliases: ReadonlyMap<string, number>;
  /** What it may still publish, where that is limited. */
  readonly allowance?: Allowance;
  /** QoS 2 messages that this client has sent on this connection and not released yet. */
  readonly unreleased: number;
  readonly identity: Identity;
  /** Present when CONNECT named a method of enhanced authentication. */
  readonly authentication?: AuthenticationState;
  /** The connection is over; its record waits until its will and the end of its session are due. */
  readonly ended?: Ending;
}

/** Where the enhanced authentication of an open connection stands. */
export interface AuthenticationState {
  readonly method: string;
  /** What the method remembers while the client proves itself anew; absent while it does not. */
  readonly state?: string;
}

/** A connection whose client was not let in yet. */
export interface PendingConnection {
  readonly connectionId: string;
  readonly lastNumber: number;
  readonly tail: Buffer;
  readonly early: readonly EarlyFrame[];
  /** What the handshake has proved. */
  readonly proved?: Identity;
  /** CONNECT, while its client proves who it is. */
  readonly exchange?: Exchange;
}

/** An authentication that goes on before the session is opened. */
export interface Exchange {
  /** The packet, without its password. */
  readonly connect: Buffer;
  /** What the method remembers. */
  readonly state: string;
}

/** What is stored under a connection id. */
export interface StoredConnection {
  readonly connection?: ConnectionRecord;
  readonly pending?: PendingConnection;
}

/** What is still to be done for a connection that has ended, milliseconds since 1970. */
export interface Ending {
  /** When its will is published, if it has one that waits. */
  readonly willAt?: number;
  /** When its session ends, if it ever does. */
  readonly sessionEndsAt?: number;
}

/** A frame that arrived before one with a lower number. */
export interface EarlyFrame {
  readonly number: number;
  readonly bytes: Buffer;
  readonly eventId: string;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
}

export interface ConnectionStore {
  /** The connection, if its client was let in. */
  read(connectionId: string): Promise<ConnectionRecord | undefined>;
  load(connectionId: string): Promise<StoredConnection>;
  /** Keeps what is known of a connection before its client is let in; it is replaced by `create`. */
  putPending(pending: PendingConnection): Promise<void>;
  /** Removes it, unless its client was let in meanwhile. */
  removePending(connectionId: string): Promise<void>;
  create(record: ConnectionRecord): Promise<void>;
  /** Writes what a turn changed of the record as it was stored. */
  commit(record: ConnectionRecord, before: ConnectionRecord): Promise<void>;
  /** Moves on from exactly `expected`; `stale` when the stored number is another one or the connection has ended. */
  commitFrom(record: ConnectionRecord, expected: number): Promise<'committed' | 'stale'>;
  /** The connection is over, and its record stays for what is still to come. */
  end(connectionId: string, ended: Ending): Promise<void>;
  remove(connectionId: string): Promise<void>;
}

/** The one small hot item of a session. */
export interface SessionHead {
  readonly clientId: string;
  readonly session: SessionId;
  readonly persistent: boolean;
  /** Connection that owns the session; absent while the client is offline. */
  readonly owner?: string;
  /** Fence of the last connection that owned it. */
  readonly fence: Fence;
  /** Number of the newest outgoing message. */
  readonly outSeq: number;
  /** "There is something to send": how often it was said, and how often the pump has answered. */
  readonly asked: number;
  readonly answered: number;
  /** `outSeq` when the last owner left: what came after it waits for a client that is offline. */
  readonly offlineFrom: number;
  /** Fence of the connection whose CONNACK has left; nothing is sent to another. */
  readonly greeted: Fence;
  /** Protocol level and limits of the client that owns it. */
  readonly version: number;
  readonly capabilities: ClientCapabilities;
  /** Everything up to this number was acknowledged when the pump looked last; kept for clients with a Receive Maximum. */
  readonly settled: number;
  /** When the session of a client that is away ends, milliseconds since 1970; absent while it is here, or never. */
  readonly expiresAt?: number;
  /** Since when the client is away, milliseconds since 1970; absent while it is here. */
  readonly leftAt?: number;
  /** When the will of a client that is away is due, milliseconds since 1970; absent when none waits. */
  readonly willAt?: number;
  /** Who may use the session: whoever last owned it. */
  readonly identity: Identity;
  /** An older session of this client id whose rows are still to be removed. */
  readonly wiping?: SessionId;
  /** Connection that owned it when the last one claimed it, and which that one's worker has to end. */
  readonly displaced?: string;
}

export interface Claim {
  readonly clientId: string;
  readonly connectionId: string;
  readonly fence: Fence;
  readonly persistent: boolean;
  readonly version: number;
  readonly capabilities: ClientCapabilities;
  readonly identity: Identity;
}

export interface SessionStore {
  head(clientId: string): Promise<SessionHead | undefined>;
  heads(clientIds: readonly string[]): Promise<Map<string, SessionHead>>;
  /**
   * Starts a new session in place of whatever was there, whose head is returned. `refused` when a newer connection was first, or
   * when what was there belongs to another account. With `over`, only in place of exactly that head, else `changed`.
   */
  claimFresh(claim: Claim, over?: SessionHead | 'none'): Promise<{ old?: SessionHead } | 'refused' | 'changed'>;
  /** Takes over the session as it was read; `changed` when somebody else was first. */
  claimResume(claim: Claim, seen: SessionHead): Promise<SessionHead | 'changed'>;
  /** The owner has proved itself anew. */
  identify(clientId: string, fence: Fence, identity: Identity): Promise<void>;
  wiped(clientId: string, session: SessionId): Promise<void>;
  /** The connection no longer owns the session; how much may wait while nobody does is counted from here. */
  disown(clientId: string, fence: Fence, ending?: Ending, leftAt?: number): Promise<void>;
  /** Nobody will resume the session of this connection any more. `changed` when another connection has it, or nobody. */
  forsake(clientId: string, fence: Fence): Promise<'forsaken' | 'changed'>;
  /** Removes the head of a session that ends with its connection. */
  end(clientId: string, fence: Fence): Promise<void>;
  /** Reserves `count` consecutive numbers. `refused` when the session is another one, is gone, or its queue is full. */
  reserve(clientId: string, session: SessionId, count: number, unlimited: boolean): Promise<SessionHead | 'refused'>;
  /** Sets how many more messages fit, unless numbers were reserved meanwhile. */
  setFree(head: SessionHead, free: number): Promise<'set' | 'changed'>;
  /** Says that something waits; returns the count. `gone` when the connection no longer owns the session. */
  ask(clientId: string, owner: string): Promise<number | 'gone'>;
  /** CONNACK has left: from now on QoS 0 messages may be sent to this connection. */
  greet(clientId: string, fence: Fence): Promise<SessionHead | 'changed'>;
  /** `settled`: everything up to this number was acknowledged. */
  answer(head: SessionHead, asked: number, settled?: number): Promise<void>;
  putWill(clientId: string, connectionId: string, will: Will): Promise<void>;
  will(clientId: string, connectionId: string): Promise<Will | undefined>;
  /** Removes the will; `absent` when it was removed before. */
  removeWill(clientId: string, connectionId: string): Promise<'removed' | 'absent'>;
  putSubscriptions(session: SessionId, names: readonly string[]): Promise<void>;
  removeSubscriptions(session: SessionId, names: readonly string[]): Promise<void>;
  subscriptions(session: SessionId): Promise<string[]>;
  /** Which of these the session has. */
  hasSubscriptions(session: SessionId, names: readonly string[]): Promise<Set<string>>;
}

/** One client that subscribed to one filter. */
export interface Subscriber {
  /** The filter of the index row, or one of them when several match. */
  readonly filter: string;
  readonly clientId: string;
  readonly session: SessionId;
  readonly qos: QoS;
  readonly noLocal?: boolean;
  readonly retainAsPublished?: boolean;
  /** Of all the subscriptions that match. */
  readonly identifiers?: readonly number[];
  /** ShareName: one of all subscribers with the same filter and share gets a message. */
  readonly share?: string;
}

/** What names a row of the index. */
export type SubscriptionRow = Pick<Subscriber, 'filter' | 'clientId' | 'session' | 'share'>;

export interface TopicIndex {
  /** The live shapes, each with a revision that changes after every change among its filters. */
  shapes(): Promise<Map<string, number>>;
  subscribers(filter: string): Promise<Subscriber[]>;
  /** Rows of one session that are there, in the order they are named. */
  read(rows: readonly SubscriptionRow[]): Promise<Subscriber[]>;
  /** `late` when a newer session of the client has the row. */
  put(subscriber: Subscriber): Promise<'put' | 'late'>;
  /** Removes the row unless another session of the client has it by now. */
  remove(row: SubscriptionRow): Promise<void>;
  /** Tells every cache that filters of this shape changed; adds the shape when it is new. */
  touch(shape: string): Promise<void>;
}

/** What a publish to subscribers it remembers has to know. */
export interface Snapshot extends StoredConnection {
  readonly shapes: ReadonlyMap<string, number>;
  readonly heads: ReadonlyMap<string, SessionHead>;
}

/** A connection, the list of shapes and some heads in one consistent read. */
export interface Lookup {
  /** At most `lookupHeads` clients. */
  read(connectionId: string, clientIds: readonly string[]): Promise<Snapshot>;
}

/** DynamoDB: a batch reads at most 100 items; two of them are the connection and the list of shapes. */
export const lookupHeads = 98;

export interface RetainedStore {
  /** `full` when there are as many as there may be, and none of this topic. */
  put(message: Message): Promise<'put' | 'full'>;
  remove(topic: string): Promise<void>;
  match(filter: string): Promise<Message[]>;
}

/** One outgoing message that is not acknowledged yet. */
export interface RingMessage {
  readonly packetId: number;
  readonly message: Message;
  readonly retain: boolean;
  readonly identifiers?: readonly number[];
  /** It came through a shared subscription, `filter` and ShareName: should its session end, another member gets it. */
  readonly share?: SharedSubscription;
}

export interface SharedSubscription {
  readonly filter: string;
  readonly share: string;
}

/** What lies in one slot: a message, or at QoS 1 a bundle of small ones that were routed together. */
export interface RingItem {
  readonly session: SessionId;
  /** Packet id that names the slot, which is that of its first message. */
  readonly slot: number;
  /** Of its first message. */
  readonly number: number;
  /** Identity of a QoS 2 message; absent at QoS 1. */
  readonly id?: string;
  readonly messages: readonly RingMessage[];
  readonly qos: 1 | 2;
  readonly state: 'published' | 'released';
  /** Fence of the connection it was last sent on, empty before the first. */
  readonly sentOn: Fence | '';
  /** Event whose handling sent it, so that its redelivery knows its own traces. */
  readonly sentBy: string;
  /** Seconds since 1970 after which a leftover of a session that ended may be deleted. */
  readonly expiresAt?: number;
}

/** An incoming QoS 2 message between PUBLISH and PUBREL. */
export interface HeldMessage {
  readonly packetId: number;
  readonly id: string;
  /** Fence of the connection whose ordered stream may route it. */
  readonly holder: Fence;
  readonly message: Message;
}

/** What is known about an earlier attempt to route one QoS 2 message to one session. */
export interface OnceRecord {
  readonly session: SessionId;
  readonly id: string;
  readonly number: number;
  readonly done: boolean;
  /** Client id of the member that was chosen, where the session is that of a share. */
  readonly member?: string;
}

export interface InflightStore {
  /** Puts items that are also being sent; they become visible in any order. */
  put(items: readonly RingItem[]): Promise<void>;
  /** Puts items of one session one after the other: whoever looks meanwhile sees a beginning of them, never a gap. */
  putInOrder(items: readonly RingItem[]): Promise<void>;
  read(session: SessionId, packetId: number): Promise<RingItem | undefined>;
  /** Messages that are done; a bundle goes when its last message does. */
  remove(session: SessionId, packetIds: readonly number[]): Promise<void>;
  /** What lies in these slots, in no particular order. */
  readMany(session: SessionId, packetIds: readonly number[]): Promise<RingItem[]>;
  /** From now on only PUBREL is sent for these, the payloads are dropped. Messages at QoS 1 are left alone. */
  markReceived(session: SessionId, packetIds: readonly number[]): Promise<void>;
  claim(item: RingItem, fence: Fence, eventId: string): Promise<'claimed' | 'taken'>;
  /** The gateway refused what the slot holds, so it has not been sent after all. */
  unsend(item: Pick<RingItem, 'session' | 'slot' | 'number'>, fence: Fence): Promise<void>;
  /** All that is outgoing in the order of its numbers, page by page; `few` at a time for who will not read far. */
  ring(session: SessionId, outSeq: number, few?: number): AsyncIterable<RingItem[]>;
  /** All that is outgoing in any order, page by page. */
  everything(session: SessionId): AsyncIterable<RingItem[]>;
  /** Number of the oldest outgoing message. */
  oldest(session: SessionId, outSeq: number): Promise<number | undefined>;
  hold(session: SessionId, held: readonly HeldMessage[]): Promise<void>;
  held(session: SessionId, packetIds: readonly number[]): Promise<HeldMessage[]>;
  /** Hands a held message to another connection, unless somebody else was faster. */
  adopt(session: SessionId, held: HeldMessage, holder: Fence): Promise<'adopted' | 'changed'>;
  forget(session: SessionId, packetIds: readonly number[]): Promise<void>;
  once(keys: readonly { session: SessionId; id: string }[]): Promise<OnceRecord[]>;
  putOnce(records: readonly OnceRecord[]): Promise<void>;
  /** Removes every row of a session that has ended. */
  clear(session: SessionId): Promise<void>;
}

/** All connections that are on record, open and ended, in no order. What happened in the last moments may be missing. */
export interface Roster {
  all(): AsyncIterable<Watched[]>;
}

/** `busy`: certainly not sent. `unknown`: sent or not, nobody can tell. */
export type PostResult = 'sent' | 'gone' | 'busy' | 'unknown';

export interface Connections {
  post(connectionId: string, bytes: Buffer): Promise<PostResult>;
  /** `gone` when its peer had left already. */
  close(connectionId: string): Promise<'closed' | 'gone'>;
}

/** Where a connection comes from, as the gateway sees it. */
export interface ConnectionSource {
  readonly address: string;
  /** ISO 8601. */
  readonly lastActiveAt?: string;
}

export interface ConnectionDescriber {
  /** Undefined when the gateway does not know it, any more or at the moment. */
  describe(connectionId: string): Promise<ConnectionSource | undefined>;
}

/** A client is to be disconnected, or its session removed while it is away. */
export interface Dismissal {
  readonly clientId: string;
  /** Of the connection that is meant: of a client that is away, the last one it had. */
  readonly fence: Fence;
  readonly withWill: boolean;
  readonly keepSession: boolean;
}

/** The ordered stream of events of each connection. */
export interface PacketQueue {
  wake(connectionId: string, occasion: number | string): Promise<void>;
  /** The connection is over, whether the gateway says so or not. */
  disconnect(connectionId: string): Promise<void>;
  /** The keep-alive seems to have run out. */
  expire(connectionId: string): Promise<void>;
  /** A backend wants the client gone; `occasion` is the same for the same wish. */
  dismiss(connectionId: string, dismissal: Dismissal, occasion: string): Promise<void>;
}

export interface TimerQueue {
  /** Asks to look after a delay, at most 900 s, whether a connection is due; and `again` as long as its timers go on. */
  check(connectionId: string, delaySeconds: number, again: boolean): Promise<void>;
  /** Asks for a look at all connections after a delay. */
  look(delaySeconds: number): Promise<void>;
  /** Asks for another pump after a delay. */
  wake(connectionId: string, delaySeconds: number): Promise<void>;
  /** Asks to close the connection after a delay unless its client was let in by then. */
  greet(connectionId: string, delaySeconds: number): Promise<void>;
}

export interface FanOutMessage {
  readonly id: string;
  readonly message: Message;
  /** An earlier attempt may have put it into rings. */
  readonly attempted: boolean;
  /** When it reached the gateway, milliseconds since 1970; absent for a will. */
  readonly receivedAt?: number;
}

/** One message for one audience, too large for the publisher's own invocation. */
export interface FanOutJob {
  /** Jobs of one shard are worked off in order. */
  readonly shard: string;
  /** The same for a repeated attempt. */
  readonly id: string;
  readonly messages: readonly FanOutMessage[];
  readonly subscribers: readonly Subscriber[];
}

export interface FanOutQueue {
  send(jobs: readonly FanOutJob[]): Promise<void>;
}

/** A message that crosses between brokers. */
export interface Identified {
  /** The same for a repeated attempt. */
  readonly id: string;
  readonly message: Message;
}

/** The way to another broker. */
export interface BridgeQueue {
  /** Returns when those that are to cross are durable. */
  forward(messages: readonly Identified[]): Promise<void>;
}

/** Who of a user is connected, where their number is limited. */
export interface Seats {
  /** Takes or keeps the seat of a client; returns how many seats are taken then. `now` in milliseconds since 1970. */
  take(account: string, clientId: string, connectionId: string, now: number): Promise<number>;
  /** Leaves it, unless the client has come back on another connection. */
  leave(account: string, clientId: string, connectionId: string): Promise<void>;
}

/** Milliseconds since 1970. */
export type Clock = () => number;

/** One structured line. Never payloads, passwords or tokens. */
export type Log = (event: string, fields: Record<string, string | number | boolean>) => void;

/** All that the broker needs from its surroundings. */
export interface Ports {
  readonly connectionStore: ConnectionStore;
  readonly sessions: SessionStore;
  readonly topicIndex: TopicIndex;
  readonly lookup: Lookup;
  readonly retained: RetainedStore;
  readonly inflight: InflightStore;
  readonly roster: Roster;
  readonly connections: Connections;
  readonly packets: PacketQueue;
  readonly timers: TimerQueue;
  readonly fanOut: FanOutQueue;
  /** Absent when there is no bridge. */
  readonly bridge?: BridgeQueue;
  readonly access: Access;
  readonly seats: Seats;
  readonly now: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly events: Events;
  readonly watch: Watch;
}
