import type { Usage } from '../model/usage';

/** Who of a user is connected, where their number is limited. */
export interface ConnectionLimiter {
  /** Takes or keeps the seat of a client; returns how many seats are taken then. `now` in milliseconds since 1970. */
  acquire(account: string, clientId: string, connectionId: string, now: number): Promise<number>;
  /** Leaves it, unless the client has come back on another connection. */
  release(account: string, clientId: string, connectionId: string): Promise<void>;
}

/** Sessions of each account that outlive their connections. */
export interface AccountSessions {
  /** Adds the session of a client, unless it is there; returns the client ids of all sessions of the account. */
  add(account: string, clientId: string): Promise<string[]>;
  remove(account: string, clientId: string): Promise<void>;
}

/** What accounts have lately used. */
export interface Usages {
  read(account: string): Promise<Usage | undefined>;
  write(account: string, usage: Usage): Promise<void>;
}
