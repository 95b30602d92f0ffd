import { readFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { resolve } from 'node:path';

/** Says where in the sources something in a bundle is, by the map that lies beside it. */
export class SourcePositions {
  private known: SourceMap | undefined;

  constructor(private readonly bundle: string) {}

  /** A stack as V8 writes it, with the lines of the sources. */
  stackOf(error: Error, frames: readonly NodeJS.CallSite[]): string {
    return [String(error), ...frames.map((frame) => `    at ${this.inSources(String(frame))}`)].join('\n');
  }

  private inSources(frame: string): string {
    return frame.replace(/[^ (]+\.js:\d+:\d+/, (place) => {
      const [file, line, column] = place.split(/:(?=\d)/);
      return (file === this.bundle && this.origin(Number(line), Number(column))) || place;
    });
  }

  /** Nothing for what no source has: the bundler's own lines. */
  private origin(line: number, column: number): string | undefined {
    const entry = this.map.findEntry(line - 1, column - 1); // counted from 0
    if (!('originalSource' in entry)) return undefined;
    const source = resolve(this.map.payload.sourceRoot, entry.originalSource);
    return `${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
  }

  /** Read only now: it is as large as the bundle, and hardly a container ever meets an error whose stack is asked for. */
  private get map(): SourceMap {
    this.known ??= new SourceMap(JSON.parse(readFileSync(`${this.bundle}.map`, 'utf8')) as SourceMapPayload);
    return this.known;
  }
}
