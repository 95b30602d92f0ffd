import { Reason } from '../../protocol/reason-codes';
import type { ConnectionRecord } from '../model/connection';
import type { CloseReason } from '../outbound/close-connection';

/** The connection ends; `reason` is sent to a client that may still listen. */
export interface EndOutcome {
  readonly kind: 'end';
  readonly withWill: boolean;
  readonly reason?: CloseReason | undefined;
}

/** The end of a turn. */
export type Outcome =
  /** The connection goes on: its record is committed. */
  | { readonly kind: 'commit'; readonly connection: ConnectionRecord }
  /** The client is not connected yet: what it has sent is kept for the next event. */
  | { readonly kind: 'keep waiting' }
  | EndOutcome
  /** A newer connection of the same client id was faster: this one closes without a session. */
  | { readonly kind: 'superseded' }
  /** Nothing is left to do. */
  | { readonly kind: 'done' }
  /** The turn found an effect that only the full turn may run. */
  | { readonly kind: 'not allowed' };

export const notAllowed: Outcome = { kind: 'not allowed' };

/** The connection was lost without DISCONNECT. */
export const lost: EndOutcome = { kind: 'end', withWill: true };

/** Makes the client connect again, because it is unknown what it has already received. */
export const uncertain: EndOutcome = { kind: 'end', withWill: true, reason: { reason: Reason.unspecifiedError } };

/** Reason of a disconnect that an administrator has requested. */
export const administrative: CloseReason = { reason: Reason.administrativeAction };
