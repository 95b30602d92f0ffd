import type { Log } from '../ports/ports';

/** Milliseconds that a list is believed: who is put on it is noticed within half a minute. */
const freshness = 25_000;

/** Whose packets an operator wants to see. */
export interface Watch {
  /** Looks at the list when the last look was a while ago. Never fails: a broker works without. */
  look(): Promise<void>;
  has(clientId: string): boolean;
}

/** Where the list is kept: until when, milliseconds since 1970, by the key of a client id. */
export interface WatchStore {
  read(): Promise<ReadonlyMap<string, number>>;
  keyOf(clientId: string): string;
}

/** Where every packet is logged, there is nothing to look at. */
export const watchAll: Watch = { look: async () => {}, has: () => true };

/** The list as this container read it last: one read in half a minute while there is something to do. */
export class WatchList implements Watch {
  private until: ReadonlyMap<string, number> = new Map();
  private readAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly store: WatchStore,
    private readonly now: () => number,
    private readonly log: Log,
  ) {}

  async look(): Promise<void> {
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
