import { LruMap } from '../shared/lru-map';
import type { Account, AccountStore } from './accounts';

/** Milliseconds that a cached account is used. Every change must take effect within a minute in all containers. */
const maxAge = 30_000;
/** Maximum number of accounts in the cache of a container. */
const maxAccounts = 10_000;

/** Writes one structured line to the audit log. */
export type AccessLog = (event: string, fields: Record<string, string>) => void;

interface CachedAccount {
  /** Absent if no account has this name. */
  readonly account?: Account;
  /** Milliseconds since 1970. */
  readonly readAt: number;
}

/** Caches accounts. Accounts that are requested at the same time are read in one call. */
export class AccountCache {
  private readonly entries = new LruMap<string, CachedAccount>({ maxSize: maxAccounts });
  private pending: Set<string> | undefined;
  private batchRead: Promise<void> = Promise.resolve();

  constructor(
    private readonly store: Pick<AccountStore, 'readMany'>,
    private readonly now: () => number,
    private readonly log: AccessLog,
  ) {}

  get(username: string): CachedAccount | undefined {
    const entry = this.entries.get(username);
    return entry && this.now() - entry.readAt < maxAge ? entry : undefined;
  }

  async read(username: string): Promise<Account | undefined> {
    if (this.pending) this.pending.add(username);
    else {
      this.pending = new Set([username]);
      this.batchRead = Promise.resolve().then(() => this.readPending());
    }
    await this.batchRead;
    return this.entries.get(username)?.account;
  }

  private async readPending(): Promise<void> {
    const usernames = [...(this.pending ?? [])];
    this.pending = undefined;
    const readAt = this.now();
    const accounts = await this.store.readMany(usernames);
    for (const username of usernames) this.put(username, accounts.get(username), readAt);
  }

  /** Keeps the cached object of an unchanged account, so that permissions compiled from it stay valid. */
  private put(username: string, read: Account | undefined, readAt: number): void {
    const entry = this.entries.get(username);
    const cached = entry?.account;
    const isSame = JSON.stringify(cached) === JSON.stringify(read);
    if (entry && !isSame) this.log('account changed', { username, change: changeOf(cached, read) });
    const account = isSame ? cached : read;
    this.entries.set(username, { ...(account && { account }), readAt });
  }
}

/** Names the change of an operator for the audit log. */
function changeOf(cached: Account | undefined, read: Account | undefined): string {
  if (!cached) return 'made';
  return read ? 'changed' : 'removed';
}
