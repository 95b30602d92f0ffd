import type { Access } from '../../access/access';
import type { Identity } from '../../access/identity';
import type { Message, Will } from '../../protocol/effects';
import type { Watched } from '../expiry/deadlines';
import type {
  Claim,
  Congestion,
  ConnectionRecord,
  Continuation,
  Dismissal,
  Ending,
  FanOutJob,
  Fence,
  HeldMessage,
  Identified,
  OnceRecord,
  PendingConnection,
  RequestedCheck,
  RetainedCopy,
  RetainedWrite,
  RingItem,
  SessionHead,
  SessionId,
  ShapeCheck,
  ShapeList,
  Snapshot,
  StoredConnection,
  Subscriber,
  SubscriptionCounts,
  SubscriptionRow,
  Usage,
  UsedShapes,
  WritingTurn,
} from '../model/records';
import type { Watch } from '../observability/debug-clients';
import type { Events } from '../observability/lifecycle-events';
import type { Metrics } from '../observability/metrics';

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
  /** Keeps the record of a connection that has ended until its deadlines, whether or not it was stored before. */
  end(record: ConnectionRecord, ended: Ending): Promise<void>;
  /** Marks an open connection for whose end another one waits, unless it is marked; undefined where none is open. */
  supersede(connectionId: string, at: number): Promise<ConnectionRecord | undefined>;
  /** A marked connection goes on with its frames: renews its mark. */
  goOn(connectionId: string, at: number): Promise<'goes on' | 'taken over'>;
  /** From now on frames of a marked connection are dropped. `changed` when its mark is not the one that was read. */
  takeOver(connectionId: string, supersededAt: number): Promise<'taken over' | 'changed'>;
  remove(connectionId: string): Promise<void>;
}

export interface SessionStore {
  head(clientId: string): Promise<SessionHead | undefined>;
  heads(clientIds: readonly string[]): Promise<Map<string, SessionHead>>;
  /**
   * Registers the connection of a claim as the one that waits for the end of this head's owner, or for its will. `changed` when
   * the head is another by now.
   */
  awaitEnd(claim: Claim, seen: SessionHead): Promise<'registered' | 'changed'>;
  /**
   * Starts a new session in place of whatever was there, whose head is returned. `refused` when it has an owner, a newer
   * successor, a will that waits or a newer fence, names an older session to be wiped, or belongs to another account. With `over`,
   * only in place of exactly that head, else `changed`.
   */
  claimFresh(claim: Claim, over?: SessionHead | 'none'): Promise<{ old?: SessionHead } | 'refused' | 'changed'>;
  /** Takes over the session as it was read; `changed` when somebody else was first. */
  claimResume(claim: Claim, seen: SessionHead): Promise<SessionHead | 'changed'>;
  /** The owner has proved itself anew. */
  identify(clientId: string, fence: Fence, identity: Identity): Promise<void>;
  wiped(clientId: string, session: SessionId): Promise<void>;
  /**
   * The connection no longer owns the session; how much may wait while nobody does is counted from here. `changed` when it did
   * not own it any more.
   */
  disown(clientId: string, fence: Fence, ending?: Ending, left?: Left): Promise<SessionHead | 'changed'>;
  /** The will of the last owner no longer waits. */
  willSettled(clientId: string, fence: Fence): Promise<void>;
  /** Nobody will resume the session of this connection any more. `changed` when another connection has it, or nobody. */
  forsake(clientId: string, fence: Fence): Promise<'forsaken' | 'changed'>;
  /**
   * Removes and returns the head of a session that ends. `changed` when another connection has it, it is gone, or it names an older
   * session to be wiped.
   */
  end(clientId: string, fence: Fence): Promise<SessionHead | 'changed'>;
  /** Reserves `count` consecutive numbers. `refused` when the session is another one, is gone, or its queue is full. */
  reserve(clientId: string, session: SessionId, count: number): Promise<SessionHead | 'refused'>;
  /**
   * The same for retained messages that answer a SUBSCRIBE: also beyond what is free, as long as packet ids are, and in the same step
   * as `ask`, so that nothing which gets a later number is sent before them.
   */
  reserveAndAsk(clientId: string, session: SessionId, count: number): Promise<SessionHead | 'refused'>;
  /** Sets how many more messages fit, unless numbers were reserved meanwhile. */
  setFree(head: SessionHead, free: number): Promise<'set' | 'changed'>;
  /** Says that something waits; returns the count. `gone` when the connection no longer owns the session. */
  ask(clientId: string, owner: string): Promise<number | 'gone'>;
  /**
   * Notes that the owner of this session takes nothing for now; in the same step as `ask` where a pump is scheduled. `changed` when
   * the session has another owner, or its congestion is another one than in `head`.
   */
  congest(head: SessionHead, congestion: Congestion): Promise<'noted' | 'changed'>;
  /** No pump is promised any more; without `since` the client reads again. */
  relieve(head: SessionHead, since?: Pick<Congestion, 'since' | 'at'>): Promise<void>;
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
  /** At most so many of them, and whether there are more. */
  someSubscriptions(
    session: SessionId,
    limit: number,
  ): Promise<{ readonly names: string[]; readonly hasMore: boolean }>;
  /** Which of these the session has. */
  hasSubscriptions(session: SessionId, names: readonly string[]): Promise<Set<string>>;
}

/** What a connection leaves in the head of its session. */
export interface Left {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly subscribed?: SubscriptionCounts;
}

export interface TopicIndex {
  shapes(): Promise<ShapeList>;
  subscribers(filter: string): Promise<Subscriber[]>;
  /** Rows of one session that are there, in the order they are named. */
  read(rows: readonly SubscriptionRow[]): Promise<Subscriber[]>;
  /** `late` when a newer session of the client has the row, `unchanged` when this session has had the same since an earlier turn. */
  put(subscriber: Subscriber, write?: SubscriptionWrite): Promise<'put' | 'late' | 'unchanged'>;
  /** Removes the row unless another session of the client has it by now. */
  remove(row: SubscriptionRow): Promise<void>;
  /** Gives a listed shape a new revision: tells every cache that its filters changed. */
  touch(shape: string): Promise<'touched' | 'unlisted'>;
  /** Lists new shapes, at most `shapesPerWrite`; `changed` when a shape was listed or removed since `seen` was read. */
  list(shapes: readonly string[], owner: string, seen: ShapeList): Promise<'listed' | 'changed'>;
  /** Removes at most `shapesPerWrite` shapes; `changed` when one of them was touched, or any was listed or removed, since `seen`. */
  unlist(shapes: readonly string[], seen: ShapeList): Promise<'unlisted' | 'changed'>;
  /** Shapes that rows have, from one end of the index to the other, page by page; first pages are small. */
  usedShapes(): AsyncIterable<UsedShapes>;
}

/**
 * Which turn writes a subscription, in numbers of frames of the connection that created the session; only that connection has
 * written its subscriptions. A turn that has written one and died has not told publishers of it.
 */
export interface SubscriptionWrite {
  /** The last frame whose turn is over. */
  readonly committed: number;
}

/** DynamoDB: an expression has at most 300 operators and functions. */
export const shapesPerWrite = 50;

/** Milliseconds for which a container does not ask again for the check of a shape. */
export const requestMemory = 60_000;

/** At most one request for a check of shapes, which the schedule finds in its roster. */
export interface ShapeChecks {
  /** Asks for a check of shapes that have just lost a subscription; a container asks once in `requestMemory` for each shape. */
  request(shapes: readonly string[]): Promise<void>;
  read(): Promise<ShapeCheck | undefined>;
  /** Removes the request; `changed` when another was added since. */
  remove(check: ShapeCheck): Promise<'removed' | 'changed'>;
  /** The check has to be made again, later, and `without` these shapes. */
  postpone(without: readonly string[]): Promise<void>;
}

/** A connection, the list of shapes and some heads in one consistent read. */
export interface Lookup {
  /** At most `lookupHeads` clients. */
  read(connectionId: string, clientIds: readonly string[]): Promise<Snapshot>;
}

/** DynamoDB: a batch reads at most 100 items; two of them are the connection and the list of shapes. */
export const lookupHeads = 98;

export interface RetainedStore {
  /** Whose limit forbids that an account, '' for none, retains a message of this topic, unless it replaces one. */
  shortage(topic: string, account: string): Promise<RetainedShortage | undefined>;
  /**
   * Takes the next place in the order of all writes of a topic. `before` is the write in the place before, unless it is known to be
   * over. Without `turn`, `endPut` or `endRemoval` says that a write is.
   */
  begin(topic: string, turn?: WritingTurn): Promise<{ write: RetainedWrite; before?: RetainedWrite }>;
  put(message: Message, write: RetainedWrite, origin: RetainedOrigin): Promise<void>;
  remove(write: RetainedWrite): Promise<void>;
  /** Says that the message has left which a write without a turn has put. */
  endPut(write: RetainedWrite): Promise<void>;
  /** Says the same of a removal, and removes what the removal has left. */
  endRemoval(write: RetainedWrite): Promise<void>;
  /** Whether a write without a turn is over. */
  hasEnded(write: RetainedWrite): Promise<boolean>;
  /** Some of what a filter finds, from the end of the page before. A page may be empty though others follow. */
  page(filter: string, cursor?: string): Promise<RetainedPage>;
  /** All that a filter finds, however much it is: for an operator, and for filters without wildcards. */
  match(filter: string): Promise<RetainedCopy[]>;
}

/** Where a retained message comes from. */
export interface RetainedOrigin {
  /** Of the arrival. */
  readonly id: string;
  /** An earlier attempt may have stored it, and died before it was done. */
  readonly attempted: boolean;
  /** Account that the message counts for; '' where it counts for none. */
  readonly account: string;
}

/** The limit that is used up: of the whole broker, or of the account. */
export type RetainedShortage = 'broker' | 'account';

/** Retained messages that a filter finds, bounded in number and bytes. */
export interface RetainedPage {
  readonly copies: readonly RetainedCopy[];
  /** Where the next page begins; absent on the last one. */
  readonly next?: string;
  /** Reads the topics of this page again, consistently; those that are still retained, by topic. */
  current(): Promise<ReadonlyMap<string, RetainedCopy>>;
}

/** Why an acknowledgement fits no message: there is none of its packet id, or the one there is expects another kind of packet. */
export type Misfit = 'unknown' | 'mismatched';

/** Acknowledgements that fit no message. */
export interface Misfits {
  /** Packet ids whose message expects another kind of packet; it stays as it was. */
  readonly mismatched: readonly number[];
  /** How many packet ids have no message. */
  readonly unknown: number;
}

export interface InflightStore {
  /** Puts items that are also being sent; they become visible in any order. */
  put(items: readonly RingItem[]): Promise<void>;
  /** Puts items of one session one after the other: whoever looks meanwhile sees a beginning of them, never a gap. */
  putInOrder(items: readonly RingItem[]): Promise<void>;
  read(session: SessionId, packetId: number): Promise<RingItem | undefined>;
  /** PUBACK: removes these messages. Those that are not of QoS 1 stay. */
  settle(session: SessionId, packetIds: readonly number[]): Promise<Misfits>;
  /** Removes messages of any QoS; a bundle goes when its last message does. */
  remove(session: SessionId, packetIds: readonly number[]): Promise<void>;
  /** Items that were put for nobody, whatever became of their messages. */
  discard(items: readonly Pick<RingItem, 'session' | 'slot'>[]): Promise<void>;
  /** What lies in these slots, in no particular order. */
  readMany(session: SessionId, packetIds: readonly number[]): Promise<RingItem[]>;
  /**
   * PUBREC: from now on only PUBREL is sent for these QoS 2 messages, and their payloads are dropped. Returns the packet ids that
   * belong to no QoS 2 message.
   */
  markReceived(session: SessionId, packetIds: readonly number[]): Promise<ReadonlyMap<number, Misfit>>;
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
  /** Packet ids of messages that a connection of this session has left unreleased. */
  unreleased(session: SessionId): Promise<number[]>;
  keepUnreleased(session: SessionId, packetIds: readonly number[]): Promise<void>;
  once(keys: readonly { session: SessionId; id: string }[]): Promise<OnceRecord[]>;
  putOnce(records: readonly OnceRecord[]): Promise<void>;
  /** Removes every row of a session that has ended. */
  clear(session: SessionId): Promise<void>;
}

/**
 * All connections that are on record, open and ended, in no order, and among them the request for a check of shapes, if there is
 * one. What happened in the last moments may be missing.
 */
export interface Roster {
  all(): AsyncIterable<(Watched | RequestedCheck)[]>;
}

/** `busy`: not sent, another attempt may succeed. `too large`: not sent, and no attempt will. `unknown`: perhaps sent. */
export type PostResult = 'sent' | 'gone' | 'busy' | 'too large' | 'unknown';

export interface Connections {
  /** Makes one attempt, so that nobody waits for a client that does not read. */
  post(connectionId: string, bytes: Buffer): Promise<PostResult>;
  /** Makes some more, for a second or so, of which each may be refused as `busy`. */
  postAgain(connectionId: string, bytes: Buffer): Promise<PostResult>;
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

/** The ordered stream of events of each connection. */
export interface PacketQueue {
  wake(connectionId: string, occasion: number | string): Promise<void>;
  /** The connection is over, whether the gateway says so or not. `clientId`: whose session it owns, as far as that is known. */
  disconnect(connectionId: string, clientId?: string): Promise<void>;
  /** The keep-alive seems to have run out. */
  expire(connectionId: string): Promise<void>;
  /** A backend wants the client gone; `occasion` is the same for the same wish. */
  dismiss(connectionId: string, dismissal: Dismissal, occasion: string): Promise<void>;
  /**
   * Goes on with work behind what the client has sent meanwhile. The same work on the same occasion, which is the event of the turn
   * that leaves it, is not asked for twice.
   */
  continue(connectionId: string, continuation: Continuation, occasion: string): Promise<void>;
}

export interface TimerQueue {
  /** Asks to look after a delay, at most 900 s, whether a connection is due; and `again` as long as its timers go on. */
  check(connectionId: string, delaySeconds: number, again: boolean): Promise<void>;
  /** Asks for a look at all connections after a delay. */
  look(delaySeconds: number): Promise<void>;
  /** Asks for the check of shapes that was requested. */
  checkShapes(): Promise<void>;
  /** Asks for another pump after a delay. */
  wake(connectionId: string, delaySeconds: number): Promise<void>;
  /** Asks to close the connection after a delay unless its client was let in by then. */
  greet(connectionId: string, delaySeconds: number): Promise<void>;
}

export interface FanOutQueue {
  send(jobs: readonly FanOutJob[]): Promise<void>;
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

/** Sessions of each account that outlive their connections. */
export interface AccountSessions {
  /** Adds the session of a client, unless it is there; returns the client ids of all sessions of the account. */
  add(account: string, clientId: string): Promise<string[]>;
  remove(account: string, clientId: string): Promise<void>;
}

/** What accounts have lately used. */
export interface Usages {
  read(account: string): Promise<Usage | undefined>;
  write(account: string, usage: Usage): Promise<void>;
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
  readonly shapeChecks: ShapeChecks;
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
  readonly accountSessions: AccountSessions;
  readonly usages: Usages;
  readonly now: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly events: Events;
  readonly watch: Watch;
}
