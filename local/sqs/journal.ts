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

// An empty queue with a longer journal starts a new one.
const longJournal = 1024 * 1024;

/**
 * An append-only file of JSON lines. The operating system has a line before `append` returns, so it survives the death
 * of this process, but not a power failure.
 */
export class Journal<Entry> {
  private file: number | undefined;
  private bytes = 0;

  constructor(private readonly path: string) {}

  /** Returns the entries of the earlier process. A last line that was cut off by its death was never acknowledged. */
  read(): Entry[] {
    const lines = existsSync(this.path) ? readFileSync(this.path, 'utf8').split('\n') : [];
    lines.pop();
    return lines.map((line) => JSON.parse(line) as Entry);
  }

  /** Starts a new file with these entries. A death meanwhile leaves the old or the new file. */
  begin(entries: readonly Entry[]): void {
    const next = `${this.path}.next`;
    writeFileSync(next, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    renameSync(next, this.path);
    this.file = openSync(this.path, 'a');
  }

  append(entry: Entry): void {
    this.bytes += writeSync(this.file!, `${JSON.stringify(entry)}\n`);
  }

  /** Removes entries that no longer matter, if there are many. */
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
