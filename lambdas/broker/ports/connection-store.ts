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
  /** Reads the connection of a connected client. */
  read(connectionId: string): Promise<ConnectionRecord | undefined>;
  /** Reads the connection, or the pending connection. */
  load(connectionId: string): Promise<StoredConnection>;
  /** Writes a connection before CONNACK. `create` replaces it. */
  putPending(pending: PendingConnection): Promise<void>;
  /** Removes a pending connection unless its client has connected meanwhile. */
  removePending(connectionId: string): Promise<void>;
  /** Writes the record of a client that connects. */
  create(record: ConnectionRecord): Promise<void>;
  /** Writes the fields that differ from the stored record `before`. */
  commit(record: ConnectionRecord, before: ConnectionRecord): Promise<void>;
  /** Commits a turn if the last frame number is `expected`; `stale` if it is another one or the connection has ended. */
  commitFrom(record: ConnectionRecord, expected: number): Promise<'committed' | 'stale'>;
  /** Keeps the record of a connection that has ended until its deadlines. The record need not have been stored before. */
  end(record: ConnectionRecord, ended: Ending): Promise<void>;
  /** Marks an open connection for whose end a successor waits, unless it is marked. Returns undefined if it is not open. */
  markSuperseded(connectionId: string, at: number): Promise<ConnectionRecord | undefined>;
  /** Renews the mark of a connection that handles further frames. */
  renewSuperseded(connectionId: string, at: number): Promise<'goes on' | 'taken over'>;
  /** Marks a connection as taken over, so that its further frames are dropped; `changed` if `supersededAt` is not its mark. */
  markTakenOver(connectionId: string, supersededAt: number): Promise<'taken over' | 'changed'>;
  remove(connectionId: string): Promise<void>;
}

/** Reads a connection, the list of shapes and some session items consistently. */
export interface Lookup {
  /** Reads at most `maxLookupSessions` session items. */
  read(connectionId: string, clientIds: readonly string[]): Promise<Snapshot>;
}

/** A batch of DynamoDB reads at most 100 items; two of them are the connection and the list of shapes. */
export const maxLookupSessions = 98;

/**
 * Lists all stored connections, open and ended, in no order, and among them the request for a shape check, if there is one. Changes of
 * the last moments may be missing.
 */
export interface ConnectionList {
  all(): AsyncIterable<(MonitoredConnection | RequestedCheck)[]>;
}

/** The source of a connection, from API Gateway. */
export interface ConnectionSource {
  readonly address: string;
  /** ISO 8601. */
  readonly lastActiveAt?: string;
}

export interface ConnectionDescriber {
  /** Returns undefined if the gateway does not know the connection. */
  describe(connectionId: string): Promise<ConnectionSource | undefined>;
}
