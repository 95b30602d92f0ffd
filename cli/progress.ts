import type { Writable } from 'node:stream';

/** A progress line on a terminal. Each text replaces the one before. */
export interface Progress {
  show(text: string): void;
  clear(): void;
}

const eraseLine = '\r\u001b[K';

/** Creates a progress line on a stream. Writes nothing if the stream is a file or a pipe. */
export function progressOn(stream: Writable & { isTTY?: boolean }): Progress {
  if (!stream.isTTY) return { show() {}, clear() {} };
  return {
    show: (text) => stream.write(`${eraseLine}${text}`),
    clear: () => stream.write(eraseLine),
  };
}
