import type { Usage } from '../model/usage';

/** A client of an account whose connections are limited. */
export interface LimitedConnection {
  readonly account: string;
  readonly clientId: string;
  readonly connectionId: string;
}

/** Counts the connected clients of each account whose connections are limited. */
export interface ConnectionLimiter {
  /** Counts a client, once however often it connects. Returns the number of clients counted then. `now` in milliseconds since 1970. */
  acquire(connection: LimitedConnection, now: number): Promise<number>;
  /** Stops counting a client, unless it has connected again on another connection. */
  release(connection: LimitedConnection): Promise<void>;
}

/** Sessions of each account that outlive their connections, for the session limit. */
export interface AccountSessions {
  /** Adds the session of a client unless it is there. Returns the client ids of all sessions of the account. */
  add(account: string, clientId: string): Promise<string[]>;
  remove(account: string, clientId: string): Promise<void>;
}

/** Recent usage of the publish and fragment limits by account. */
export interface Usages {
  read(account: string): Promise<Usage | undefined>;
  write(account: string, usage: Usage): Promise<void>;
}
