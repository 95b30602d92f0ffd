import { Journal } from '../sqs/journal';

type Entry = { opened: string; connectedAt: number } | { closed: string };

/** Remembers over a restart which connections were open, so that each still gets its `$disconnect`. */
export class ConnectionJournal {
  /** Connections that ended with the previous life. */
  readonly former: readonly { id: string; connectedAt: number }[];
  private readonly journal: Journal<Entry>;
  private open = 0;

  constructor(path: string) {
    this.journal = new Journal(path);
    const open = new Map<string, number>();
    for (const entry of this.journal.read()) {
      if ('opened' in entry) open.set(entry.opened, entry.connectedAt);
      else open.delete(entry.closed);
    }
    this.former = [...open].map(([id, connectedAt]) => ({ id, connectedAt }));
  }

  /** Call when the former connections have been dealt with. */
  forgetFormer(): void {
    this.journal.rewrite([]);
  }

  opened(id: string, connectedAt: number): void {
    this.open += 1;
    this.journal.append({ opened: id, connectedAt });
  }

  closed(id: string): void {
    this.open -= 1;
    this.journal.append({ closed: id });
    if (this.open === 0) this.journal.clearIfLong();
  }

  close(): void {
    this.journal.close();
  }
}
