import type { SessionId } from './fence';
import type { PendingRetained } from './retained-message';

/** Work of a session that one turn leaves to another, so that no turn has work without end. */
export type Continuation = RetainedContinuation | DeleteSessionContinuation;

/** Retained messages for the client of a session. */
export interface RetainedContinuation {
  readonly task: 'retained';
  readonly clientId: string;
  readonly session: SessionId;
  readonly pending: readonly PendingRetained[];
}

/** Rows of a session that has ended, to be removed. */
export interface DeleteSessionContinuation {
  readonly task: 'wipe';
  readonly clientId: string;
  readonly session: SessionId;
  /** It had shared subscriptions: what waits for them goes to other members. */
  readonly hasShares: boolean;
}
