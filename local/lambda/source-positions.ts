import { readFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { resolve } from 'node:path';

/** Maps positions in a bundle to its sources by the source map beside it. */
export class SourcePositions {
  private known: SourceMap | undefined;

  constructor(private readonly bundle: string) {}

  /** Formats a stack like V8, with positions in the sources. */
  stackOf(error: Error, frames: readonly NodeJS.CallSite[]): string {
    return [String(error), ...frames.map((frame) => `    at ${this.inSources(String(frame))}`)].join('\n');
  }

  private inSources(frame: string): string {
    return frame.replace(/[^ (]+\.js:\d+:\d+/, (place) => {
      const [file, line, column] = place.split(/:(?=\d)/);
      return (file === this.bundle && this.origin(Number(line), Number(column))) || place;
    });
  }

  /** Undefined for lines that the bundler has added. */
  private origin(line: number, column: number): string | undefined {
    const entry = this.map.findEntry(line - 1, column - 1); // counted from 0
    if (!('originalSource' in entry)) return undefined;
    const source = resolve(this.map.payload.sourceRoot, entry.originalSource);
    return `${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
  }

  /** Reads the map on first use: it is as large as the bundle, and most containers never need it. */
  private get map(): SourceMap {
    this.known ??= new SourceMap(JSON.parse(readFileSync(`${this.bundle}.map`, 'utf8')) as SourceMapPayload);
    return this.known;
  }
}
