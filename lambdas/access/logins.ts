import type { Account } from './accounts';

/** Failed logins with one user name from one address. */
export interface UserFailures {
  readonly count: number;
  /** Time of the last one, milliseconds since 1970. */
  readonly lastAt: number;
}

/** Failed logins from one address, only the first few of each user name. */
export interface AddressFailures {
  readonly count: number;
  /** Time of the first one, milliseconds since 1970. */
  readonly since: number;
}

/**
 * Failed logins that matter to another one. Many with the same user name show that somebody guesses its password, or that a device
 * has a wrong one; many of one address that somebody tries one name after the other. Many devices may share one address.
 */
export interface LoginFailures {
  readonly ofUser: UserFailures;
  readonly ofAddress: AddressFailures;
}

/** Rule by which failed logins are counted. */
export interface FailureRule {
  /** Milliseconds: a count of a user name begins anew so long after its last failure, that of an address after its first. */
  readonly memory: number;
  /** Failures of one user name that also count for its address: one device cannot use up what all of them share. */
  readonly countedForAddress: number;
}

/** What a login needs to know, read together. */
export interface LoginRecord {
  readonly account?: Account;
  readonly failures: LoginFailures;
}

/** Reads and counts what concerns logins: the account, failed attempts, and the secret of this broker. */
export interface LoginStore {
  /** The account of a user name and the failures of a source address in one call. An unknown address is empty and has none. */
  read(username: string | undefined, address: string, now: number): Promise<LoginRecord>;
  /** One more failure. `now` in milliseconds since 1970. */
  addFailure(username: string | undefined, address: string, now: number, rule: FailureRule): Promise<void>;
  /** A random secret of this broker, 32 bytes, made by whoever asks first. */
  secret(): Promise<Buffer>;
}
