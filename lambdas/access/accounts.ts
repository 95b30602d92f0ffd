import type { Identity } from './identity';
import type { Rule } from './rule';

/** The account of a user. */
export interface Account {
  readonly username: string;
  /** PHC string, see `password-hash.ts`. Absent if the user may not log in with a password. */
  readonly passwordHash?: string;
  /** Absent if the user may not log in with SCRAM-SHA-256. */
  readonly scram?: ScramCredentials;
  /** The only client id that the user may use. */
  readonly clientId?: string;
  /** Prefix of every client id that the user may use. */
  readonly clientIdPrefix?: string;
  readonly rules: readonly Rule[];
  /** Maximum number of simultaneous connections; by default that of all users. */
  readonly maxConnections?: number;
}

/**
 * Credentials that a server stores by RFC 5802. They do not contain the password, but an attacker can guess it from them without
 * much memory.
 */
export interface ScramCredentials {
  readonly salt: Buffer;
  readonly iterations: number;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

/** Reads accounts in order to evaluate their rules. */
export interface AccountStore {
  /** Returns the accounts that exist, by user name. */
  readMany(usernames: readonly string[]): Promise<Map<string, Account>>;
}

/** An account or the subject of a token, as the owner of client ids. */
export type BindingOwner = Pick<Identity, 'kind' | 'username' | 'issuer'>;

/** The account that owns all client ids with a prefix. */
export interface PrefixOwner {
  readonly prefix: string;
  readonly username: string;
}

/**
 * Client ids and prefixes that accounts and tokens are bound to. A binding may be out of date: its account may be removed, or bound
 * to another client id. `now` in milliseconds since 1970.
 */
export interface Bindings {
  /** Returns the accounts and subjects of tokens that are bound to exactly this client id. */
  owners(clientId: string, now: number): Promise<readonly BindingOwner[]>;
  /** Returns the accounts that are bound to a prefix of this client id, the longest prefix first. */
  prefixOwners(clientId: string, now: number): AsyncIterable<PrefixOwner>;
}

/** Reads all bindings, and saves those that the broker learns from logins. */
export interface BindingStore {
  /** Bindings that operators have written, and those that `save` has. */
  readonly sources: readonly Bindings[];
  /** Saves the binding of an identity, unless it is stored. `now` in milliseconds since 1970. */
  save(identity: Identity, now: number): Promise<void>;
}

/** Manages accounts for operators. No Lambda function may write or scan the accounts table. */
export interface AccountDirectory {
  read(username: string): Promise<Account | undefined>;
  create(account: Account): Promise<'created' | 'exists'>;
  /** Replaces the whole account. */
  replace(account: Account): Promise<'replaced' | 'absent'>;
  remove(username: string): Promise<'removed' | 'absent'>;
  /**
   * Reserves the client ids of all accounts, and releases those of removed accounts: an earlier release may have added or removed
   * accounts without doing so. Safe to repeat.
   */
  reserveClientIds(): Promise<{ readonly reserved: number; readonly released: number }>;
  /** Returns all accounts, page by page, in no particular order. */
  list(): AsyncIterable<Account[]>;
}

/** Maximum size in bytes of a prefix that an account is bound to: with the user name it must fit into a DynamoDB key. */
export const maxClientIdPrefixBytes = 700;

/** Maximum size in bytes of the user name of an account. */
const maxUsernameBytes = 256;

/** Checks whether an account of this name may exist. Clients can send any name. */
export function canHaveAccount(username: string): boolean {
  return username !== '' && Buffer.byteLength(username) <= maxUsernameBytes;
}
