import type { SessionId } from './fence';
import type { PendingRetained } from './retained-message';

/** Work of a session that one turn leaves to a later one, so that the work of a turn is bounded. */
export type Continuation = RetainedContinuation | DeleteSessionContinuation;

/** Sends retained messages to the client of a session. */
export interface RetainedContinuation {
  readonly task: 'retained';
  readonly clientId: string;
  readonly session: SessionId;
  readonly pending: readonly PendingRetained[];
}

/** Removes the rows of a session that has ended. `wipe` is the name in the queue. */
export interface DeleteSessionContinuation {
  readonly task: 'wipe';
  readonly clientId: string;
  readonly session: SessionId;
  /** The session had shared subscriptions: their waiting messages go to other members. */
  readonly hasShares: boolean;
}
