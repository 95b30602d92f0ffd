import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { progressOn } from '../../cli/progress';

function shownOn(stream: PassThrough & { isTTY?: boolean }): string {
  const progress = progressOn(stream);
  progress.show('1/2');
  progress.show('2/2');
  progress.clear();
  return String(stream.read() ?? '');
}

describe('progress', () => {
  it('is one line on a terminal, and is erased at the end', () => {
    const terminal = Object.assign(new PassThrough(), { isTTY: true });

    expect(shownOn(terminal)).toBe('\r\u001b[K1/2\r\u001b[K2/2\r\u001b[K');
  });

  it('writes nothing to a file or a pipe', () => {
    expect(shownOn(new PassThrough())).toBe('');
  });
});
