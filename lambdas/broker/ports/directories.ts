import type { Message } from '../../protocol/effects';
import type { SessionId } from '../model/fence';
import type { SessionItem } from '../model/session';

/** A part of a list, and where to go on. */
export interface Page<Entry> {
  readonly items: readonly Entry[];
  /** Absent at the end. */
  readonly next?: string;
}

/** Which part of a list is wanted. */
export interface PageRequest {
  readonly limit: number;
  /** `next` of the page before. */
  readonly cursor?: string;
}

/** The cursor is of another list, or of none. */
export class InvalidCursorError extends Error {
  override readonly name = 'InvalidCursorError';
}

/** Every session there is; to read all of them is dear, and nothing in the path of a packet does it. */
export interface ClientDirectory {
  /** @throws InvalidCursorError */
  list(page: PageRequest): Promise<Page<SessionItem>>;
}

/** A part of all sessions, counted or to be counted. */
export interface SessionCountPage {
  /** Heads of sessions; some may have ended. */
  readonly sessionItems: readonly SessionItem[];
  readonly subscriptions: number;
}

/** Who can be counted. */
export interface SessionCounter {
  /** All sessions there are, each once; as dear as a list of all clients. */
  sessions(): AsyncIterable<SessionCountPage>;
  /** Retained messages; undefined where nobody counts them, because they are not limited. */
  retained(): Promise<number | undefined>;
}

/** A row that a session or a connection owns, without its content. */
export interface StoredRow {
  readonly table: 'sessions' | 'topicIndex' | 'inflight';
  /** Partition key and sort key. */
  readonly key: readonly [string, string];
  /** What owns it: a session, or a connection. */
  readonly session?: SessionId;
  readonly connectionId?: string;
  /** Of an index row, as far as it is known. */
  readonly shape?: string;
  /** When nobody was found to own it for the first time, milliseconds since 1970. */
  readonly markedAt?: number;
}

/** All that sessions and connections own, page by page; to read it is as dear as all lists together. */
export interface StoredRows {
  /** Ids of all that are on record, open and ended. */
  connections(): AsyncIterable<readonly string[]>;
  sessionItems(): AsyncIterable<readonly SessionItem[]>;
  rows(): AsyncIterable<readonly StoredRow[]>;
  /** `changed` when another session has the row by now, or it is gone. */
  remove(row: StoredRow): Promise<'removed' | 'changed'>;
  /** Notes that nobody owns the row, unless that is noted already. */
  mark(row: StoredRow, at: number): Promise<void>;
}

/** Every retained message. */
export interface RetainedDirectory {
  /** Of topics that match a filter, or of all. @throws InvalidCursorError */
  list(filter: string | undefined, page: PageRequest): Promise<Page<Message>>;
}

/**
 * What is known of an earlier request of the same id. `begun`: nothing, and it is begun now. `resumed`: it was begun and came
 * to no answer. `running`: somebody is at it. `other`: that was another request.
 */
export type EarlierRequest = 'begun' | 'resumed' | 'running' | 'other' | { readonly answer: string };

/** Requests that are done once, however often they are made. */
export interface RequestLedger {
  /** `fingerprint`: the same for the same request. */
  begin(id: string, fingerprint: string): Promise<EarlierRequest>;
  finish(id: string, fingerprint: string, answer: string): Promise<void>;
  /** It failed, and may be made again at once. */
  release(id: string, fingerprint: string): Promise<void>;
}
