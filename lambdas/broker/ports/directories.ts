import type { Message } from '../../protocol/effects';
import type { SessionId } from '../model/fence';
import type { SessionItem } from '../model/session';

/** A part of a list, and the begin of the next part. */
export interface Page<Entry> {
  readonly items: readonly Entry[];
  /** Cursor of the next part; absent at the end. */
  readonly next?: string;
}

/** A request for a part of a list. */
export interface PageRequest {
  readonly limit: number;
  /** `next` of the preceding page. */
  readonly cursor?: string;
}

/** Thrown for a cursor of another list, or of none. */
export class InvalidCursorError extends Error {
  override readonly name = 'InvalidCursorError';
}

/** Lists every session. Reading all of them is expensive, and nothing in the path of a packet does it. */
export interface ClientDirectory {
  /** @throws InvalidCursorError */
  list(page: PageRequest): Promise<Page<SessionItem>>;
}

/** A part of all sessions, for counting. */
export interface SessionCountPage {
  /** Session items; some sessions may have ended. */
  readonly sessions: readonly SessionItem[];
  readonly subscriptions: number;
}

/** Reads the sessions and retained messages to count. */
export interface SessionCounter {
  /** Reads all sessions, each once. It is as expensive as a list of all clients. */
  sessions(): AsyncIterable<SessionCountPage>;
  /** Returns the number of retained messages; undefined where they are not counted because no limit is set. */
  retained(): Promise<number | undefined>;
}

/** A row that a session or a connection owns, without its content. */
export interface StoredRow {
  readonly table: 'sessions' | 'topicIndex' | 'inflight';
  /** Partition key and sort key. */
  readonly key: readonly [string, string];
  /** Owner of the row: a session, or a connection. */
  readonly session?: SessionId;
  readonly connectionId?: string;
  /** Shape of an index row, as far as it is known. */
  readonly shape?: string;
  /** Time at which no owner was found for the first time, milliseconds since 1970. */
  readonly markedAt?: number;
}

/** Reads all rows of sessions and connections, page by page. It is as expensive as all lists together. */
export interface StoredRows {
  /** Reads the ids of all stored connections, open and ended. */
  connections(): AsyncIterable<readonly string[]>;
  sessionItems(): AsyncIterable<readonly SessionItem[]>;
  rows(): AsyncIterable<readonly StoredRow[]>;
  /** Removes a row; `changed` if another session has it by now, or it is gone. */
  remove(row: StoredRow): Promise<'removed' | 'changed'>;
  /** Marks a row as one without an owner, unless it is marked. */
  mark(row: StoredRow, at: number): Promise<void>;
}

/** Lists the retained messages. */
export interface RetainedDirectory {
  /** Lists those whose topics match a filter, or all. @throws InvalidCursorError */
  list(filter: string | undefined, page: PageRequest): Promise<Page<Message>>;
}

/**
 * State of an earlier request with the same id. `begun`: there is none, and this one begins. `resumed`: it began and has no answer.
 * `running`: another invocation works on it. `other`: it was a different request.
 */
export type EarlierRequest = 'begun' | 'resumed' | 'running' | 'other' | { readonly answer: string };

/** Records requests that are executed once, however often they are made. */
export interface RequestLedger {
  /** Begins a request. `fingerprint` is the same for the same request. */
  begin(id: string, fingerprint: string): Promise<EarlierRequest>;
  /** Stores the answer. */
  finish(id: string, fingerprint: string, answer: string): Promise<void>;
  /** Releases a request that has failed, so that it may be made again at once. */
  release(id: string, fingerprint: string): Promise<void>;
}
