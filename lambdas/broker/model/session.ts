import type { Identity } from '../../access/identity';
import type { ClientCapabilities } from '../../protocol/effects';
import type { ProtocolVersion } from '../../protocol/packets';
import type { Fence, SessionId } from './fence';
import type { SubscriptionCounts } from './subscription';

/** The small, frequently written item of a session. */
export interface SessionItem {
  readonly clientId: string;
  readonly session: SessionId;
  readonly persistent: boolean;
  /** Connection that owns the session; absent while the client is away. */
  readonly owner?: string;
  /** Fence of the last connection that owned it. */
  readonly fence: Fence;
  /** Number of the newest outgoing message. */
  readonly outSeq: number;
  /** Wakes that were requested, and those that a drain has handled. Messages wait while the two differ. */
  readonly wakeRequests: number;
  readonly wakeHandled: number;
  /** `outSeq` at the time when the last owner left. Later messages wait for the client that is away. */
  readonly offlineFrom: number;
  /** Fence of the connection whose CONNACK has left. No QoS 0 message is sent to another connection. */
  readonly connackSentOn: Fence;
  /** Protocol level and limits of the client that owns it. */
  readonly version: ProtocolVersion;
  readonly capabilities: ClientCapabilities;
  /** Number up to which everything was acknowledged at the last drain; kept for clients with a Receive Maximum. */
  readonly acknowledgedUpTo: number;
  /** Present while the client reads too slowly, so that the gateway refuses posts to the owner. */
  readonly congestion?: Congestion;
  /** Account whose session limit counts this session, or an older one of the client id; absent where none does. */
  readonly quota?: string;
  /** Subscriptions of the session when its last owner left; absent where they were not counted. */
  readonly subscribed?: SubscriptionCounts;
  /**
   * Time at which the session of a client that is away ends, milliseconds since 1970; absent while the client is connected, and where the
   * session never ends.
   */
  readonly expiresAt?: number;
  /** Time at which the client left, milliseconds since 1970; absent while it is connected. */
  readonly leftAt?: number;
  /** Time at which the will of a client that is away is due, milliseconds since 1970; absent where none waits. */
  readonly willAt?: number;
  /**
   * Seconds that the session outlives its owner; absent where it ends with the connection or never, or where an earlier release has
   * claimed it.
   */
  readonly sessionExpiry?: number;
  /** Identity of the last owner, to whose account the session belongs. */
  readonly identity: Identity;
  /** An older session of this client id whose rows are still to be removed. */
  readonly deleting?: SessionId;
  /** Fence of the last connection of that older session, whose stream still has to end it. */
  readonly former?: Fence;
  /** The connection that waits until the owner has ended, or until the will of the last owner is published. */
  readonly successor?: Successor;
}

/** A series of refused posts to a client, without a successful one between them. */
export interface Congestion {
  /** Time of the first refusal, milliseconds since 1970. */
  readonly since: number;
  /** Time of the last refusal, milliseconds since 1970. */
  readonly at: number;
  /** Messages wait in the queue, and a timer starts a drain. */
  readonly isDrainScheduled: boolean;
}

/** A connection that waits to take over a session. */
export interface Successor {
  readonly fence: Fence;
  /** The connection starts a new session, so the session that it waits for ends. */
  readonly cleanStart: boolean;
  /** Rank of its binding to the client id, where another account has the session. */
  readonly precedence?: number;
}

/** The claim of a connection to the session of its client id. */
export interface SessionClaim {
  readonly clientId: string;
  readonly connectionId: string;
  readonly fence: Fence;
  /** The connection starts a new session. */
  readonly cleanStart: boolean;
  readonly persistent: boolean;
  /** Seconds; absent where the session ends with its connection or never. */
  readonly sessionExpiry?: number;
  readonly version: ProtocolVersion;
  readonly capabilities: ClientCapabilities;
  readonly identity: Identity;
  /** Account whose session limit counts a new session; absent where none does. */
  readonly quota?: string;
  /** Rank of its binding to the client id; present where another account has the session. */
  readonly precedence?: number;
}
