/** Options of an `LruMap`. */
export interface LruOptions<Value> {
  /** Largest sum of the sizes of all entries. */
  readonly maxSize: number;
  /** Size of one entry; by default 1, so that `maxSize` limits the number of entries. */
  readonly sizeOf?: (value: Value) => number;
}

/** A map of limited size. When it grows beyond `maxSize`, it removes the entries that were read or written longest ago. */
export class LruMap<Key, Value> {
  /** Iterates in order of insertion, so the least recently used entry comes first. */
  private readonly entries = new Map<Key, Value>();
  private readonly sizeOf: (value: Value) => number;
  private readonly maxSize: number;
  private total = 0;

  constructor({ maxSize, sizeOf = () => 1 }: LruOptions<Value>) {
    this.maxSize = maxSize;
    this.sizeOf = sizeOf;
  }

  /** Sum of the sizes of all entries. */
  get size(): number {
    return this.total;
  }

  has(key: Key): boolean {
    return this.entries.has(key);
  }

  get(key: Key): Value | undefined {
    const value = this.entries.get(key);
    if (value === undefined) return undefined;
    this.entries.delete(key);
    this.entries.set(key, value);
    return value;
  }

  /** Stores an entry; one that is larger than `maxSize` is not kept. */
  set(key: Key, value: Value): void {
    this.delete(key);
    this.entries.set(key, value);
    this.total += this.sizeOf(value);
    for (const leastRecent of this.entries.keys()) {
      if (this.total <= this.maxSize) return;
      this.delete(leastRecent);
    }
  }

  delete(key: Key): void {
    const value = this.entries.get(key);
    if (value !== undefined) this.total -= this.sizeOf(value);
    this.entries.delete(key);
  }
}
