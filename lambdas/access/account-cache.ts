import type { Account, AccountStore } from './accounts';

/** Milliseconds that an account is believed. A change has to take effect within a minute, wherever it is remembered. */
const freshness = 30_000;
/** Accounts that one container remembers. */
const rememberedAccounts = 10_000;

/** One structured line for the audit log. */
export type AccessLog = (event: string, fields: Record<string, string>) => void;

interface Remembered {
  /** Absent when there is none of that name. */
  readonly account?: Account;
  /** Milliseconds since 1970. */
  readonly readAt: number;
}

/** Accounts as this container last read them. Those that are wanted at the same time are read together. */
export class AccountCache {
  private readonly known = new Map<string, Remembered>();
  private wanted: Set<string> | undefined;
  private reading: Promise<void> = Promise.resolve();

  constructor(
    private readonly store: Pick<AccountStore, 'readMany'>,
    private readonly now: () => number,
    private readonly log: AccessLog,
  ) {}

  remembered(username: string): Remembered | undefined {
    const entry = this.known.get(username);
    return entry && this.now() - entry.readAt < freshness ? entry : undefined;
  }

  async read(username: string): Promise<Account | undefined> {
    if (this.wanted) this.wanted.add(username);
    else {
      this.wanted = new Set([username]);
      this.reading = Promise.resolve().then(() => this.readWanted());
    }
    await this.reading;
    return this.known.get(username)?.account;
  }

  private async readWanted(): Promise<void> {
    const wanted = [...(this.wanted ?? [])];
    this.wanted = undefined;
    const readAt = this.now();
    const accounts = await this.store.readMany(wanted);
    for (const username of wanted) this.remember(username, accounts.get(username), readAt);
  }

  /** The same object for as long as nothing has changed, so that what was made of it can be kept. */
  private remember(username: string, read: Account | undefined, readAt: number): void {
    const former = this.known.get(username);
    const before = former?.account;
    const isSame = JSON.stringify(before) === JSON.stringify(read);
    if (former && !isSame) this.log('account changed', { username, change: changeOf(before, read) });
    const account = isSame ? before : read;
    this.known.delete(username);
    this.known.set(username, { ...(account && { account }), readAt });
    const [oldest] = this.known.keys();
    if (this.known.size > rememberedAccounts && oldest !== undefined) this.known.delete(oldest);
  }
}

/** What an operator did, as the broker notices it. */
function changeOf(before: Account | undefined, read: Account | undefined): string {
  if (!before) return 'made';
  return read ? 'changed' : 'removed';
}
