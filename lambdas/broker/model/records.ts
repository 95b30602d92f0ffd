import type { Identity } from '../../access/identity';
import type { ClientCapabilities, Message, SubscriptionRequest } from '../../protocol/effects';
import type { ProtocolVersion, QoS } from '../../protocol/packets';
import type { ControlAllowance } from './control-allowance';
import type { Allowance } from './publish-allowance';

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
  readonly version: ProtocolVersion;
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
  /** Present when the tail is the rest of a frame that had too much for one turn. */
  readonly rest?: FrameRest;
  /** Frames that overtook others on their way to the queue, or that are behind the rest of a frame. */
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
  /** Which other packets it may still send; absent as long as it has sent few. */
  readonly control?: ControlAllowance;
  /** Account among whose sessions its session is counted; absent where it is not. */
  readonly quota?: string;
  /** Source address of an anonymous client, which stands for its account. */
  readonly address?: string;
  /**
   * Packet ids of QoS 2 messages that the client has sent and not released yet, on any connection of its session. Absent until the
   * first of a resumed session matters.
   */
  readonly unreleased?: ReadonlySet<number>;
  /**
   * Bytes that were written for unfinished packets beyond what the client was entitled to. Absent until it is read what its account has
   * lately used, which is when it publishes or leaves a packet unfinished.
   */
  readonly debt?: number;
  /** Subscriptions of the session, at most; absent where nobody has counted them. */
  readonly subscribed?: SubscriptionCounts;
  readonly identity: Identity;
  /** Present when CONNECT named a method of enhanced authentication. */
  readonly authentication?: AuthenticationState;
  /** The connection is over; its record waits until its will and the end of its session are due. */
  readonly ended?: Ending;
  /**
   * A successor has waited for the end of this connection longer than the takeover timeout. Since then, or since the last turn of
   * this connection began, milliseconds since 1970.
   */
  readonly supersededAt?: number;
  /** The successor has begun without that end. Frames of this connection that are handled later are dropped. */
  readonly isTakenOver?: boolean;
}

/** Upper bounds: the same filter may have been counted twice, and one that was removed is counted still. */
export interface SubscriptionCounts {
  readonly all: number;
  /** Of them, in shares. */
  readonly shared: number;
}

/** What the connections of an account have lately used of what each of them may. */
export interface Usage {
  /** Absent where nothing is limited. */
  readonly allowance?: Allowance;
  /** Bytes written for unfinished packets, see `debtAfter` in unfinished.ts. */
  readonly debt: number;
  /** Milliseconds since 1970. */
  readonly at: number;
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
  /** Present while its client waits until another connection of the same client id has ended. */
  readonly takeover?: Takeover;
}

/** An authenticated CONNECT that waits for the end of another connection with the same client id. */
export interface Takeover {
  /** The packet, without its password. */
  readonly connect: Buffer;
  readonly identity: Identity;
  /** Authentication Data for CONNACK. */
  readonly data?: Buffer;
  /** When API Gateway accepted the waiting connection, milliseconds since 1970. */
  readonly connectedAt: number;
  /** Source address of the client. */
  readonly address: string;
  /** When the wait began, milliseconds since 1970. */
  readonly since: number;
  /** When the waiting connection itself was lost, milliseconds since 1970. */
  readonly lostAt?: number;
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

/** Where the rest of a frame comes from, so that its packets keep their identities. */
export interface FrameRest {
  readonly eventId: string;
  /** Place of the first packet of the rest in its frame. */
  readonly firstIndex: number;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
}

/** A frame that arrived before one with a lower number. */
export interface EarlyFrame {
  readonly number: number;
  readonly bytes: Buffer;
  readonly eventId: string;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
  /** When API Gateway accepted the connection, milliseconds since 1970. */
  readonly connectedAt: number;
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
  readonly version: ProtocolVersion;
  readonly capabilities: ClientCapabilities;
  /** Everything up to this number was acknowledged when the pump looked last; kept for clients with a Receive Maximum. */
  readonly settled: number;
  /** The gateway has refused to send to the owner, whose client reads too slowly. */
  readonly congestion?: Congestion;
  /** Account among whose sessions it is counted, or an older one of the client id; absent where it is not. */
  readonly quota?: string;
  /** Subscriptions of the session when its last owner left; absent where nobody has counted them. */
  readonly subscribed?: SubscriptionCounts;
  /** When the session of a client that is away ends, milliseconds since 1970; absent while it is here, or never. */
  readonly expiresAt?: number;
  /** Since when the client is away, milliseconds since 1970; absent while it is here. */
  readonly leftAt?: number;
  /** When the will of a client that is away is due, milliseconds since 1970; absent when none waits. */
  readonly willAt?: number;
  /** Seconds that the session outlives its owner; absent where it is not at all or without end, or an earlier release has claimed it. */
  readonly sessionExpiry?: number;
  /** Who may use the session: whoever last owned it. */
  readonly identity: Identity;
  /** An older session of this client id whose rows are still to be removed. */
  readonly wiping?: SessionId;
  /** Fence of the last connection of that session, which has to be told that its session has ended. */
  readonly former?: Fence;
  /** The connection that waits until the owner has ended, or until the will of the last owner is published. */
  readonly successor?: Successor;
}

/** Refused attempts to send to a client, with nothing sent between them; milliseconds since 1970. */
export interface Congestion {
  readonly since: number;
  /** When the last attempt was refused. */
  readonly at: number;
  /** Messages wait in the ring, and a timer wakes the pump. */
  readonly isPumpScheduled: boolean;
}

/** A connection that waits to take a session over. */
export interface Successor {
  readonly fence: Fence;
  /** It starts a new session, so the one that it waits for ends. */
  readonly cleanStart: boolean;
  /** How good its right to the client id is, where it is not the account that has the session. */
  readonly precedence?: number;
}

export interface Claim {
  readonly clientId: string;
  readonly connectionId: string;
  readonly fence: Fence;
  /** It starts a new session. */
  readonly cleanStart: boolean;
  readonly persistent: boolean;
  /** Seconds; absent where the session outlives its connection not at all or without end. */
  readonly sessionExpiry?: number;
  readonly version: ProtocolVersion;
  readonly capabilities: ClientCapabilities;
  readonly identity: Identity;
  /** Account among whose sessions a new session is counted; absent where it is not. */
  readonly quota?: string;
  /** How good its right to the client id is; present when another account has the session. */
  readonly precedence?: number;
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

/** The list of shapes at one time. */
export interface ShapeList {
  /** Live shapes, each with a revision that changes after every change among its filters. No shape ever gets a revision twice. */
  readonly revisions: ReadonlyMap<string, number>;
  /** Client that each shape is charged to, as `ownerOf` names it; a shape that an earlier release has listed has none. */
  readonly owners: ReadonlyMap<string, string>;
  /** Changes with every shape that is listed or removed; 0 before the first. */
  readonly version: number;
}

/** Shapes that rows of the topic index use. */
export interface UsedShapes {
  readonly shapes: ReadonlySet<string>;
  /** Beginnings of further shapes, of rows whose key holds only the beginning of their filter. */
  readonly prefixes: readonly string[];
}

/** A request to find out which shapes are no longer used. */
export interface ShapeCheck {
  /** Shapes that have lost a subscription. */
  readonly shapes: readonly string[];
  /** Changes with every request that is added. */
  readonly requests: number;
  /** When the last was added, milliseconds since 1970. */
  readonly latestAt: number;
}

/** A shape check in the roster. */
export interface RequestedCheck {
  /** Milliseconds since 1970. */
  readonly shapesRequestedAt: number;
}

/** What a publish to subscribers it remembers has to know. */
export interface Snapshot extends StoredConnection {
  readonly shapes: ShapeList;
  readonly heads: ReadonlyMap<string, SessionHead>;
}

/** A turn of a connection: over when this frame is committed, or the connection has ended. */
export interface WritingTurn {
  readonly connectionId: string;
  /** Number of the last frame of the turn. */
  readonly number: number;
}

/** One write of the retained message of a topic, or its removal. */
export interface RetainedWrite {
  readonly topic: string;
  readonly revision: string;
  /** When it began, milliseconds since 1970. */
  readonly at: number;
  /** Absent where the writer is no turn that commits a frame: a backend, a bridge, a will. */
  readonly turn?: WritingTurn;
}

/** A retained message as it was read. */
export interface RetainedCopy {
  readonly message: Message;
  /** Of the write that put it. */
  readonly revision: string;
  /** Present at QoS 2: by which a session to which it is routed may be sent it only once. */
  readonly routing?: { readonly id: string; readonly write: RetainedWrite };
}

/** What a subscription of the session is still owed of the retained messages that its filter finds. */
export interface OwedRetained {
  readonly request: SubscriptionRequest;
  /** Identity of the SUBSCRIBE packet: the same when its event is delivered again. */
  readonly id: string;
  /** When SUBSCRIBE reached the gateway, milliseconds since 1970. */
  readonly receivedAt: number;
  /** An earlier attempt may have sent some of it. */
  readonly attempted: boolean;
  /** End of the page before, as `RetainedPage.next` names it; absent before the first. */
  readonly cursor?: string;
  /** Messages of QoS 1 and 2 that it was sent so far. */
  readonly placed: number;
}

/** Work of a session that one turn leaves to another, so that no turn has work without end. */
export type Continuation = RetainedContinuation | WipeContinuation;

/** Retained messages for the client of a session. */
export interface RetainedContinuation {
  readonly task: 'retained';
  readonly clientId: string;
  readonly session: SessionId;
  readonly owed: readonly OwedRetained[];
}

/** Rows of a session that has ended, to be removed. */
export interface WipeContinuation {
  readonly task: 'wipe';
  readonly clientId: string;
  readonly session: SessionId;
  /** It had shared subscriptions: what waits for them goes to other members. */
  readonly hasShares: boolean;
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
  /** When it was put into the ring, milliseconds since 1970; absent when it is done. */
  readonly routedAt?: number;
}

/** A client is to be disconnected, or its session removed while it is away. */
export interface Dismissal {
  readonly clientId: string;
  /** Of the connection that is meant: of a client that is away, the last one it had. */
  readonly fence: Fence;
  readonly withWill: boolean;
  readonly keepSession: boolean;
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
  /** The same for a repeated attempt with the same messages to the same subscribers, and for no other. */
  readonly id: string;
  readonly messages: readonly FanOutMessage[];
  readonly subscribers: readonly Subscriber[];
}

/** A message that crosses between brokers. */
export interface Identified {
  /** The same for a repeated attempt. */
  readonly id: string;
  readonly message: Message;
}
