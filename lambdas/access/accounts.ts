import type { Rule } from './rule';

/** What is known of one user. */
export interface Account {
  readonly username: string;
  /** In PHC string format, see `password-hash.ts`. Absent: no login with a password. */
  readonly passwordHash?: string;
  /** Absent: no login with SCRAM-SHA-256. */
  readonly scram?: ScramCredentials;
  /** The only client id it may use. */
  readonly clientId?: string;
  /** What every client id it uses begins with. */
  readonly clientIdPrefix?: string;
  readonly rules: readonly Rule[];
  /** Connections at a time; absent: as many as everybody. */
  readonly maxConnections?: number;
}

/** What RFC 5802 lets a server keep; the password cannot be read from it, but guessed with little memory. */
export interface ScramCredentials {
  readonly salt: Buffer;
  readonly iterations: number;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

/** Reads accounts where the rules of users are looked up. */
export interface AccountStore {
  /** The accounts that exist, by user name. */
  readMany(usernames: readonly string[]): Promise<Map<string, Account>>;
}

/** What an operator does with accounts. No Lambda may: none is granted a write or a scan of their table. */
export interface AccountDirectory {
  read(username: string): Promise<Account | undefined>;
  create(account: Account): Promise<'created' | 'exists'>;
  /** Replaces an account as a whole. */
  replace(account: Account): Promise<'replaced' | 'absent'>;
  remove(username: string): Promise<'removed' | 'absent'>;
  /** All accounts, page by page, in no particular order. */
  list(): AsyncIterable<Account[]>;
}

/** Bytes of a user name that can have an account. */
const maximumUsernameBytes = 256;

/** Whether there can be an account of this name; a client may ask for any. */
export function canHaveAccount(username: string): boolean {
  return username !== '' && Buffer.byteLength(username) <= maximumUsernameBytes;
}
