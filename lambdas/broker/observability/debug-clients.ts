import type { DebugClientStore, DebugClients } from '../ports/debug-clients';
import type { Log } from '../ports/process';

/** Milliseconds for which a list is used: a new entry takes effect within half a minute. */
const maxAge = 25_000;

/** Every client is a debug client. */
export const debugAll: DebugClients = { refresh: async () => {}, has: () => true };

/** The list as this container has read it last, at most once in half a minute. */
export class DebugClientList implements DebugClients {
  private until: ReadonlyMap<string, number> = new Map();
  private readAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly store: DebugClientStore,
    private readonly now: () => number,
    private readonly log: Log,
  ) {}

  async refresh(): Promise<void> {
    if (this.now() - this.readAt < maxAge) return;
    this.readAt = this.now();
    try {
      this.until = await this.store.read();
    } catch (error) {
      this.log('debug clients not read', { error: String(error) });
    }
  }

  has(clientId: string): boolean {
    if (this.until.size === 0) return false;
    return (this.until.get(this.store.keyOf(clientId)) ?? 0) > this.now();
  }
}
