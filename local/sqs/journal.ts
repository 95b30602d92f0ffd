import {
  closeSync,
  existsSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';

// An empty queue with a longer journal starts it anew.
const longJournal = 1024 * 1024;

/**
 * An append-only file of JSON lines. A line is with the operating system before `append` returns, so it survives the
 * death of this process, though not a power cut.
 */
export class Journal<Entry> {
  private file: number | undefined;
  private bytes = 0;

  constructor(private readonly path: string) {}

  /** Entries of the previous life. A last line that was cut off by the death of its writer was never answered. */
  read(): Entry[] {
    const lines = existsSync(this.path) ? readFileSync(this.path, 'utf8').split('\n') : [];
    lines.pop();
    return lines.map((line) => JSON.parse(line) as Entry);
  }

  /** Begins to write, with these entries instead of all former ones; a death in between leaves the old or the new. */
  begin(entries: readonly Entry[]): void {
    const next = `${this.path}.next`;
    writeFileSync(next, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    renameSync(next, this.path);
    this.file = openSync(this.path, 'a');
  }

  append(entry: Entry): void {
    this.bytes += writeSync(this.file!, `${JSON.stringify(entry)}\n`);
  }

  /** Forgets entries that no longer matter, if they are many. */
  clearIfLong(): void {
    if (this.bytes < longJournal) return;
    ftruncateSync(this.file!);
    this.bytes = 0;
  }

  close(): void {
    if (this.file !== undefined) closeSync(this.file);
    this.file = undefined;
  }
}
