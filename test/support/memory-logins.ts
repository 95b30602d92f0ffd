import type { Account } from '../../lambdas/access/accounts';
import type {
  ClientChange,
  Failures,
  KnownClient,
  LoginAttempt,
  LoginRecord,
  LoginStore,
  SharedFailures,
} from '../../lambdas/access/logins';

const none: Failures = { count: 0, lastAt: 0 };

/** Accounts and logins in memory. `failures` counts failed logins by address and user name; the shared counts are fixed. */
export class MemoryLogins implements LoginStore {
  readonly failures = new Map<string, Failures>();
  readonly clients = new Map<string, Map<string, KnownClient>>();
  readonly changes: ClientChange[] = [];
  shared: SharedFailures = { ofName: { count: 0, since: 0 }, ofAddress: { count: 0, since: 0 } };

  constructor(
    private readonly accounts: readonly Account[],
    private readonly random = Buffer.alloc(32, 5),
  ) {}

  async read(attempt: LoginAttempt): Promise<LoginRecord> {
    const account = this.accounts.find((known) => known.username === attempt.username);
    const pair = { failures: this.failures.get(pairOf(attempt)) ?? none, clients: new Map(this.clientsOf(attempt)) };
    return account === undefined ? { pair } : { account, pair };
  }

  async readShared(): Promise<SharedFailures> {
    return this.shared;
  }

  async addFailureOf(client: string, attempt: LoginAttempt): Promise<void> {
    const clients = this.clientsOf(attempt);
    const known = clients.get(client);
    if (known) clients.set(client, { ...known, failures: { count: known.failures.count + 1, lastAt: attempt.now } });
  }

  async addFailure(attempt: LoginAttempt): Promise<void> {
    const { count } = this.failures.get(pairOf(attempt)) ?? none;
    this.failures.set(pairOf(attempt), { count: count + 1, lastAt: attempt.now });
  }

  async remember(attempt: LoginAttempt, change: ClientChange): Promise<void> {
    this.changes.push(change);
    const clients = this.clientsOf(attempt);
    for (const key of change.forgotten) clients.delete(key);
    clients.set(change.known, { loggedInAt: attempt.now, failures: none });
  }

  async secret(): Promise<Buffer> {
    return this.random;
  }

  private clientsOf(attempt: LoginAttempt): Map<string, KnownClient> {
    const clients = this.clients.get(pairOf(attempt)) ?? new Map<string, KnownClient>();
    this.clients.set(pairOf(attempt), clients);
    return clients;
  }
}

function pairOf({ source, username }: LoginAttempt): string {
  return `${source} ${username}`;
}
