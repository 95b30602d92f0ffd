import type { Account } from './accounts';

/** A login whose credentials are not checked yet. */
export interface LoginAttempt {
  readonly username: string | undefined;
  readonly clientId: string;
  /** Source by which failures are counted, see `failureSourceOf`; empty if unknown, then nothing is counted or stored. */
  readonly source: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Failed logins in a row. The count starts again if the next failure comes late enough. */
export interface Failures {
  readonly count: number;
  /** Time of the last failure, milliseconds since 1970. */
  readonly lastAt: number;
}

/** Failed logins in a window of fixed length, which starts with the first failure. */
export interface WindowFailures {
  readonly count: number;
  /** Time of the first failure, milliseconds since 1970. */
  readonly since: number;
}

/** A client id that has logged in with a user name from an address. */
export interface KnownClient {
  /** Time of a successful login, milliseconds since 1970; at most a day before the last one. */
  readonly loggedInAt: number;
  /** Failures of this client id since then. */
  readonly failures: Failures;
}

/** Stored data about a user name and an address together. */
export interface PairRecord {
  /** Failures of client ids that are not known. */
  readonly failures: Failures;
  /** Known clients by the key of the client id. */
  readonly clients: ReadonlyMap<string, KnownClient>;
}

/** Data that every login needs, read in one call. */
export interface LoginRecord {
  readonly account?: Account;
  readonly pair: PairRecord;
}

/** Failures of clients that are not known. */
export interface SharedFailures {
  /** Failures with the user name, from all addresses. */
  readonly ofName: WindowFailures;
  /** Failures from the address, with all user names. */
  readonly ofAddress: WindowFailures;
}

/** Rule by which failed logins are counted. */
export interface FailureRule {
  /** Counts of clients and pairs start again so long after their last failure, shared counts so long after their first. */
  readonly windowMilliseconds: number;
  /** Failures of one pair that also count for its name and for its address, so that no device exhausts a shared limit. */
  readonly maxSharedPerPair: number;
}

/** A change of the known clients of a user name and an address. */
export interface ClientChange {
  /** Key of the client id that has logged in. */
  readonly known: string;
  /** Keys of clients that are no longer known. */
  readonly forgotten: readonly string[];
  /** Time when the last client is no longer known, milliseconds since 1970. */
  readonly expiresAt: number;
}

/** Reads and counts the data of logins: the account, failed attempts, known clients, the secret of the broker. */
export interface LoginStore {
  /** One call. */
  read(attempt: LoginAttempt): Promise<LoginRecord>;
  /** One call. */
  readShared(attempt: LoginAttempt): Promise<SharedFailures>;
  /** Counts a failure of a known client, by its key. */
  addFailureOf(client: string, attempt: LoginAttempt, rule: FailureRule): Promise<void>;
  /** Counts a failure of a client that is not known. Keeps the row of the pair until `keepUntil`, milliseconds since 1970. */
  addFailure(attempt: LoginAttempt, rule: FailureRule, keepUntil: number): Promise<void>;
  /** Stores a client that has logged in, without failures. */
  remember(attempt: LoginAttempt, change: ClientChange): Promise<void>;
  /** Returns the random secret of this broker (32 bytes), which the first call creates. */
  secret(): Promise<Buffer>;
}
