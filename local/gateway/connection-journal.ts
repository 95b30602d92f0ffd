import { Journal } from '../sqs/journal';

type Entry = { opened: Accepted } | { closed: string };

/** A connection after its handshake. */
export interface Accepted {
  readonly id: string;
  readonly connectedAt: number;
  readonly sourceIp: string;
}

/** Keeps the open connections over a restart, so that each still gets its `$disconnect`. */
export class ConnectionJournal {
  private readonly journal: Journal<Entry>;
  private open = 0;

  constructor(path: string) {
    this.journal = new Journal(path);
  }

  /** Returns the connections that were open when the earlier process ended. */
  former(): Accepted[] {
    const open = new Map<string, Accepted>();
    for (const entry of this.journal.read()) {
      if ('opened' in entry) open.set(entry.opened.id, entry.opened);
      else open.delete(entry.closed);
    }
    return [...open.values()];
  }

  /** Must be called after the former connections have been handled. */
  begin(): void {
    this.journal.begin([]);
  }

  opened({ id, connectedAt, sourceIp }: Accepted): void {
    this.open += 1;
    this.journal.append({ opened: { id, connectedAt, sourceIp } });
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
