import type {
  ConnectionRecord,
  Ending,
  MonitoredConnection,
  PendingConnection,
  StoredConnection,
} from '../model/connection';
import type { Snapshot } from '../model/snapshot';
import type { RequestedCheck } from '../model/subscription';

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
  markSuperseded(connectionId: string, at: number): Promise<ConnectionRecord | undefined>;
  /** A marked connection goes on with its frames: renews its mark. */
  renewSuperseded(connectionId: string, at: number): Promise<'goes on' | 'taken over'>;
  /** From now on frames of a marked connection are dropped. `changed` when its mark is not the one that was read. */
  markTakenOver(connectionId: string, supersededAt: number): Promise<'taken over' | 'changed'>;
  remove(connectionId: string): Promise<void>;
}

/** A connection, the list of shapes and some heads in one consistent read. */
export interface Lookup {
  /** At most `lookupHeads` clients. */
  read(connectionId: string, clientIds: readonly string[]): Promise<Snapshot>;
}

/** DynamoDB: a batch reads at most 100 items; two of them are the connection and the list of shapes. */
export const lookupHeads = 98;

/**
 * All connections that are on record, open and ended, in no order, and among them the request for a check of shapes, if there is
 * one. What happened in the last moments may be missing.
 */
export interface ConnectionList {
  all(): AsyncIterable<(MonitoredConnection | RequestedCheck)[]>;
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
