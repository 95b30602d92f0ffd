import type { Identity } from './identity';
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

/** An account or the subject of a token, as the owner of client ids. */
export type Holder = Pick<Identity, 'kind' | 'username' | 'issuer'>;

/** The account of one user, as the owner of all client ids that begin with a prefix. */
export interface PrefixHolder {
  readonly prefix: string;
  readonly username: string;
}

/**
 * Client ids and prefixes that accounts and tokens are bound to. A binding that is read may be out of date: its account may be gone,
 * or bound to another client id. `now` in milliseconds since 1970.
 */
export interface Bindings {
  /** Accounts and subjects of tokens that are bound to exactly this client id. */
  holders(clientId: string, now: number): Promise<readonly Holder[]>;
  /** Accounts that are bound to a prefix of this client id, the longest prefix first. */
  prefixHolders(clientId: string, now: number): AsyncIterable<PrefixHolder>;
}

/** All bindings that are known, and those that the broker comes to know. */
export interface BindingStore {
  /** Bindings that operators have written, and those that `keep` has. */
  readonly sources: readonly Bindings[];
  /** Stores the binding of an identity, unless it is known. `now` in milliseconds since 1970. */
  keep(identity: Identity, now: number): Promise<void>;
}

/** What an operator does with accounts. No Lambda may: none is granted a write or a scan of their table. */
export interface AccountDirectory {
  read(username: string): Promise<Account | undefined>;
  create(account: Account): Promise<'created' | 'exists'>;
  /** Replaces an account as a whole. */
  replace(account: Account): Promise<'replaced' | 'absent'>;
  remove(username: string): Promise<'removed' | 'absent'>;
  /**
   * Reserves the client ids of all accounts, and releases those whose account is gone: for accounts that an earlier release has
   * added or removed. Safe to repeat.
   */
  reserveClientIds(): Promise<{ readonly reserved: number; readonly released: number }>;
  /** All accounts, page by page, in no particular order. */
  list(): AsyncIterable<Account[]>;
}

/** Bytes of the longest prefix that an account can be bound to: with the user name it fits into a key of DynamoDB. */
export const longestClientIdPrefix = 700;

/** Bytes of a user name that can have an account. */
const maximumUsernameBytes = 256;

/** Whether there can be an account of this name; a client may ask for any. */
export function canHaveAccount(username: string): boolean {
  return username !== '' && Buffer.byteLength(username) <= maximumUsernameBytes;
}
