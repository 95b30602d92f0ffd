import { Journal } from '../sqs/journal';

type Entry = { opened: Accepted } | { closed: string };

/** A connection as the handshake made it. */
export interface Accepted {
  readonly id: string;
  readonly connectedAt: number;
  readonly sourceIp: string;
}

/** Remembers over a restart which connections were open, so that each still gets its `$disconnect`. */
export class ConnectionJournal {
  private readonly journal: Journal<Entry>;
  private open = 0;

  constructor(path: string) {
    this.journal = new Journal(path);
  }

  /** Connections that ended with the previous life. */
  former(): Accepted[] {
    const open = new Map<string, Accepted>();
    for (const entry of this.journal.read()) {
      if ('opened' in entry) open.set(entry.opened.id, entry.opened);
      else open.delete(entry.closed);
    }
    return [...open.values()];
  }

  /** Call when the former connections have been dealt with. */
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
