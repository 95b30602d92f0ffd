import type { DebugClientStore, DebugClients } from '../ports/debug-clients';
import type { Log } from '../ports/process';

/** Milliseconds that a list is believed: who is put on it is noticed within half a minute. */
const freshness = 25_000;

/** Where every packet is logged, there is nothing to look at. */
export const debugAll: DebugClients = { refresh: async () => {}, has: () => true };

/** The list as this container read it last: one read in half a minute while there is something to do. */
export class DebugClientList implements DebugClients {
  private until: ReadonlyMap<string, number> = new Map();
  private readAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly store: DebugClientStore,
    private readonly now: () => number,
    private readonly log: Log,
  ) {}

  async refresh(): Promise<void> {
    if (this.now() - this.readAt < freshness) return;
    this.readAt = this.now();
    try {
      this.until = await this.store.read();
    } catch (error) {
      this.log('watch list unread', { error: String(error) });
    }
  }

  has(clientId: string): boolean {
    if (this.until.size === 0) return false;
    return (this.until.get(this.store.keyOf(clientId)) ?? 0) > this.now();
  }
}
