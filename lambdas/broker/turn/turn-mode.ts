import type { Effect } from '../../protocol/effects';
import type { SessionItems } from '../delivery/deliverer';
import type { ConnectionState } from './connection-state';
import type { PendingWrites } from './pending-writes';

/** How a turn finds out that it began with the right connection, and when it commits. */
export interface Confirmation {
  /** Session items of remembered subscribers, read beside the connection; undefined if the cache was wrong. Absent: none are read. */
  readonly sessions?: Promise<SessionItems | undefined>;
  /** Called when all writes are durable and before anything is sent. False if the cached connection is not the stored one. */
  isCurrent(): Promise<boolean>;
  /** When the connection is committed. `confirmed`: `isCurrent` has done it. */
  readonly commit: 'after sending' | 'beside sending' | 'confirmed';
}

/** A kind of turn: the effects that it may run, and how it is confirmed. All kinds run the same pipeline. */
export interface TurnMode {
  /** True if the turn may run this effect; else the turn ends without a trace, and the full turn does it all. */
  allows(effect: Effect, state: ConnectionState): boolean;
  /** True if the turn may read tables before it is confirmed. */
  readonly mayRead: boolean;
  /** Called when all effects are known and nothing is written. Undefined: the turn is not of this kind. */
  confirm(state: ConnectionState, writes: PendingWrites): Confirmation | undefined;
  /** True if the turn may refuse a packet that breaks the protocol; false leaves that to the full turn. */
  mayRefuse(): Promise<boolean>;
}

const certain: Confirmation = { isCurrent: async () => true, commit: 'after sending' };

/** The turn that begins with the stored connection: it may do everything. */
export const fullTurn: TurnMode = {
  allows: () => true,
  mayRead: true,
  confirm: () => certain,
  mayRefuse: async () => true,
};
