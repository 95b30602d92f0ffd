import type { Identity } from '../../access/identity';
import type { ClientCapabilities } from '../../protocol/effects';
import type { ProtocolVersion } from '../../protocol/packets';
import type { Fence, SessionId } from './fence';
import type { SubscriptionCounts } from './subscription';

/** The one small hot item of a session. */
export interface SessionItem {
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
  readonly wakeRequests: number;
  readonly wakeHandled: number;
  /** `outSeq` when the last owner left: what came after it waits for a client that is offline. */
  readonly offlineFrom: number;
  /** Fence of the connection whose CONNACK has left; nothing is sent to another. */
  readonly connackSentOn: Fence;
  /** Protocol level and limits of the client that owns it. */
  readonly version: ProtocolVersion;
  readonly capabilities: ClientCapabilities;
  /** Everything up to this number was acknowledged when the pump looked last; kept for clients with a Receive Maximum. */
  readonly acknowledgedUpTo: number;
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
  readonly deleting?: SessionId;
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
  readonly isDrainScheduled: boolean;
}

/** A connection that waits to take a session over. */
export interface Successor {
  readonly fence: Fence;
  /** It starts a new session, so the one that it waits for ends. */
  readonly cleanStart: boolean;
  /** How good its right to the client id is, where it is not the account that has the session. */
  readonly precedence?: number;
}

export interface SessionClaim {
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
