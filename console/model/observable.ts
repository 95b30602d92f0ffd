/** Object that notifies observers of its changes. */
export class Observable {
  private readonly observers = new Set<() => void>();

  /** Adds an observer. Returns a function that removes it. */
  observe(observer: () => void): () => void {
    this.observers.add(observer);
    return () => this.observers.delete(observer);
  }

  protected changed(): void {
    for (const watcher of this.observers) watcher();
  }
}
