import type { Identity } from '../../access/identity';
import type { ClientCapabilities } from '../../protocol/effects';
import type { ProtocolVersion } from '../../protocol/packets';
import type { ControlAllowance } from './control-allowance';
import type { Fence, SessionId } from './fence';
import type { PublishAllowance } from './publish-allowance';
import type { SubscriptionCounts } from './subscription';

/** The stored state of one open connection. */
export interface ConnectionRecord {
  readonly connectionId: string;
  readonly clientId: string;
  readonly version: ProtocolVersion;
  /** Session Expiry Interval in seconds: how long the session outlives the connection. */
  readonly sessionExpiry: number;
  readonly session: SessionId;
  readonly fence: Fence;
  readonly capabilities: ClientCapabilities;
  /** Keep Alive in seconds; 0 turns it off. */
  readonly keepAlive: number;
  /** Time at which the gateway received the last frame, milliseconds since 1970. */
  readonly lastSeen: number;
  /** Number of the last frame whose effects are complete; 0 before the first numbered frame. */
  readonly lastNumber: number;
  /** First bytes of a packet that continues in later frames. */
  readonly tail: Buffer;
  /** Present when the tail is the rest of a frame that exceeded the budget of a turn. */
  readonly rest?: FrameRest;
  /** Frames that overtook others on their way to the queue, or that follow the rest of a frame. */
  readonly early: readonly EarlyFrame[];
  readonly hasWill: boolean;
  /** The connection counts against the connection limit of its user. */
  readonly isCounted: boolean;
  /** The session has rows to remove when it ends. */
  readonly hasState: boolean;
  /** Topics by the topic aliases that the client has set up. */
  readonly aliases: ReadonlyMap<number, string>;
  /** Topic aliases that the stream of this connection has set up with its client. */
  readonly outgoingAliases: ReadonlyMap<string, number>;
  /** Messages and bytes that the client may still publish; absent where they are not limited. */
  readonly allowance?: PublishAllowance;
  /** Other packets that the client may still send; absent while it has sent few. */
  readonly control?: ControlAllowance;
  /** Account whose session limit counts the session; absent where none does. */
  readonly quota?: string;
  /** Source address of an anonymous client, which takes the place of an account. */
  readonly address?: string;
  /**
   * Packet ids of QoS 2 messages that the client has sent and not released, on any connection of its session. Absent in a resumed
   * session until the first of them matters.
   */
  readonly unreleased?: ReadonlySet<number>;
  /**
   * Bytes written for unfinished packets beyond what the client was entitled to. Absent until the usage of its account is read, which
   * happens when the client publishes or leaves a packet unfinished.
   */
  readonly debt?: number;
  /** Upper bound of the subscriptions of the session; absent where they were not counted. */
  readonly subscribed?: SubscriptionCounts;
  readonly identity: Identity;
  /** Present when CONNECT named an Authentication Method. */
  readonly authentication?: AuthenticationState;
  /** Present when the connection has ended. The record stays until the will and the end of the session are due. */
  readonly ended?: Ending;
  /**
   * Present when a successor has waited for the end of this connection longer than the takeover timeout: the time of that timeout, or
   * the begin of the last turn of this connection since then, milliseconds since 1970.
   */
  readonly supersededAt?: number;
  /** The successor has claimed the session without that end. Later frames of this connection are dropped. */
  readonly isTakenOver?: boolean;
}

/** State of the enhanced authentication of an open connection. */
export interface AuthenticationState {
  readonly method: string;
  /** State of the method during a re-authentication; absent outside of one. */
  readonly state?: string;
}

/** Fields of a connection that decide when its next deadline is. */
export type MonitoredConnection = Pick<
  ConnectionRecord,
  'connectionId' | 'keepAlive' | 'lastSeen' | 'identity' | 'ended'
>;

/** A connection whose client has got no CONNACK yet. */
export interface PendingConnection {
  readonly connectionId: string;
  readonly lastNumber: number;
  readonly tail: Buffer;
  readonly early: readonly EarlyFrame[];
  /** Identity that the handshake has proved. */
  readonly proved?: Identity;
  /** CONNECT during enhanced authentication. */
  readonly exchange?: Exchange;
  /** Present while the client waits for the end of another connection with the same client id. */
  readonly takeover?: Takeover;
}

/** An authenticated CONNECT that waits for the end of another connection with the same client id. */
export interface Takeover {
  /** The CONNECT packet without its password. */
  readonly connect: Buffer;
  readonly identity: Identity;
  /** Authentication Data for CONNACK. */
  readonly data?: Buffer;
  /** Time at which API Gateway accepted the waiting connection, milliseconds since 1970. */
  readonly connectedAt: number;
  /** Source address of the client. */
  readonly address: string;
  /** Begin of the wait, milliseconds since 1970. */
  readonly since: number;
  /** Time at which the waiting connection itself was lost, milliseconds since 1970. */
  readonly lostAt?: number;
}

/** An enhanced authentication that precedes CONNACK. */
export interface Exchange {
  /** The CONNECT packet without its password. */
  readonly connect: Buffer;
  /** State of the method. */
  readonly state: string;
}

/** The records stored under a connection id. */
export interface StoredConnection {
  readonly connection?: ConnectionRecord;
  readonly pending?: PendingConnection;
}

/** Deadlines of a connection that has ended, milliseconds since 1970. */
export interface Ending {
  /** Time at which the will is published; absent where none waits. */
  readonly willAt?: number;
  /** Time at which the session ends; absent where it never does. */
  readonly sessionEndsAt?: number;
}

/** Origin of the rest of a frame, so that its packets keep their ids. */
export interface FrameRest {
  readonly eventId: string;
  /** Index of the first packet of the rest in the whole frame. */
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
  /** Time at which API Gateway accepted the connection, milliseconds since 1970. */
  readonly connectedAt: number;
}

/** A request of a backend to disconnect a client, or to remove its session while it is away. */
export interface AdminDisconnect {
  readonly clientId: string;
  /** Fence of the connection to end; for a client that is away, of its last connection. */
  readonly fence: Fence;
  readonly withWill: boolean;
  readonly keepSession: boolean;
}
