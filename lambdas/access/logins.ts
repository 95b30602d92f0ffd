import type { Account } from './accounts';

/** A login that nothing has been proved of yet. */
export interface Attempt {
  readonly username: string | undefined;
  readonly clientId: string;
  /** What failures are counted by, see `sourceOf`; empty when unknown, then nothing is counted or remembered. */
  readonly source: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Failed logins that are counted together, as long as each comes soon enough after the one before. */
export interface Failures {
  readonly count: number;
  /** Time of the last one, milliseconds since 1970. */
  readonly lastAt: number;
}

/** Failed logins that are counted together from the first one on, for a fixed time. */
export interface WindowFailures {
  readonly count: number;
  /** Time of the first one, milliseconds since 1970. */
  readonly since: number;
}

/** A client id that has logged in with a user name from an address. */
export interface KnownClient {
  /** Time of a login that succeeded, milliseconds since 1970; at most a day before the last one. */
  readonly loggedInAt: number;
  /** Failures since then, of this client id alone. */
  readonly failures: Failures;
}

/** What is kept of a user name and an address together. */
export interface PairRecord {
  /** Failures of client ids that are not known. */
  readonly failures: Failures;
  /** By the key of the client id. */
  readonly clients: ReadonlyMap<string, KnownClient>;
}

/** What a login needs first, read together. */
export interface LoginRecord {
  readonly account?: Account;
  readonly pair: PairRecord;
}

/** Failures that clients share which have not logged in before. */
export interface SharedFailures {
  /** With the user name, from all addresses. */
  readonly ofName: WindowFailures;
  /** From the address, with all user names. */
  readonly ofAddress: WindowFailures;
}

/** Rule by which failed logins are counted. */
export interface FailureRule {
  /** Milliseconds: counts of clients and pairs begin anew so long after their last failure, shared ones after their first. */
  readonly memory: number;
  /** Failures of one name from one address that also count for each of the two: no device uses up what all share. */
  readonly shared: number;
}

/** A change of the known clients of a user name and an address. */
export interface ClientChange {
  /** Key of the client id that has logged in. */
  readonly known: string;
  /** Keys of those that are known no longer. */
  readonly forgotten: readonly string[];
  /** When the last of all is forgotten, milliseconds since 1970. */
  readonly expiresAt: number;
}

/** Reads and counts what concerns logins: the account, failed attempts, clients that have logged in, the secret of the broker. */
export interface LoginStore {
  /** In one call. */
  read(attempt: Attempt): Promise<LoginRecord>;
  /** In one call. */
  readShared(attempt: Attempt): Promise<SharedFailures>;
  /** One more failure of a known client, by its key. */
  addFailureOf(client: string, attempt: Attempt, rule: FailureRule): Promise<void>;
  /** One more failure of a client that is not known. The row of the pair is kept until `keepUntil`, milliseconds since 1970. */
  addFailure(attempt: Attempt, rule: FailureRule, keepUntil: number): Promise<void>;
  /** Remembers a client that has logged in, without failures. */
  remember(attempt: Attempt, change: ClientChange): Promise<void>;
  /** A random secret of this broker, 32 bytes, made by whoever asks first. */
  secret(): Promise<Buffer>;
}
