import { LruMap } from '../../shared/lru-map';
import type { Subscriber } from '../model/subscription';

/** Limit of the cache of one container, in rows of the topic index. */
const maxCachedRows = 20_000;

interface CachedFilter {
  readonly revision: number;
  readonly subscribers: readonly Subscriber[];
}

/**
 * Caches rows of the topic index in a warm container. Every change among the filters of a shape gives the shape a new revision before
 * its SUBACK leaves, and every routing reads the list of shapes first. Rows cached under the current revision are therefore current,
 * whichever container changed the index.
 */
export class SubscriberCache {
  private readonly filters = new LruMap<string, CachedFilter>({
    maxSize: maxCachedRows,
    sizeOf: ({ subscribers }) => 1 + subscribers.length,
  });
  /** Revisions of the shapes at the last read; only a hint which filters to query. */
  shapes: ReadonlyMap<string, number> = new Map();

  get(filter: string, revision: number | undefined): readonly Subscriber[] | undefined {
    const cached = this.filters.get(filter);
    return cached && cached.revision === revision ? cached.subscribers : undefined;
  }

  set(filter: string, revision: number, subscribers: readonly Subscriber[]): void {
    this.filters.set(filter, { revision, subscribers });
  }
}
