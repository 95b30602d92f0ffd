import type { Identity } from '../../access/identity';
import type { ClientCapabilities } from '../../protocol/effects';
import type { ProtocolVersion } from '../../protocol/packets';
import type { ControlAllowance } from './control-allowance';
import type { Fence, SessionId } from './fence';
import type { PublishAllowance } from './publish-allowance';
import type { SubscriptionCounts } from './subscription';

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
  readonly isCounted: boolean;
  /** Whether the session has rows to remove when it ends. */
  readonly hasState: boolean;
  /** Topics by the aliases that the client set up. */
  readonly aliases: ReadonlyMap<number, string>;
  /** Topic aliases that its own stream has set up with this client. */
  readonly outgoingAliases: ReadonlyMap<string, number>;
  /** What it may still publish, where that is limited. */
  readonly allowance?: PublishAllowance;
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

/** Where the enhanced authentication of an open connection stands. */
export interface AuthenticationState {
  readonly method: string;
  /** What the method remembers while the client proves itself anew; absent while it does not. */
  readonly state?: string;
}

/** Of a connection, all that tells when it is over. */
export type MonitoredConnection = Pick<
  ConnectionRecord,
  'connectionId' | 'keepAlive' | 'lastSeen' | 'identity' | 'ended'
>;

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

/** A client is to be disconnected, or its session removed while it is away. */
export interface AdminDisconnect {
  readonly clientId: string;
  /** Of the connection that is meant: of a client that is away, the last one it had. */
  readonly fence: Fence;
  readonly withWill: boolean;
  readonly keepSession: boolean;
}
