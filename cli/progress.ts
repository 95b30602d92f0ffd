import type { Writable } from 'node:stream';

/** A line on a terminal that is written over and over, and gone in the end. */
export interface Progress {
  show(text: string): void;
  clear(): void;
}

const eraseLine = '\r\u001b[K';

/** Shows how far a long work is, to people only: nothing goes to a file or a pipe. */
export function progressOn(stream: Writable & { isTTY?: boolean }): Progress {
  if (!stream.isTTY) return { show() {}, clear() {} };
  return {
    show: (text) => stream.write(`${eraseLine}${text}`),
    clear: () => stream.write(eraseLine),
  };
}
