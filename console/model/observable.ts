/** Something that changes, and tells whoever watches that it has. */
export class Observable {
  private readonly watchers = new Set<() => void>();

  /** Returns what ends the watching. */
  watch(watcher: () => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  protected changed(): void {
    for (const watcher of this.watchers) watcher();
  }
}
