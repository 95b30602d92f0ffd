import { describe, expect, it } from '@jest/globals';
import { FrameLimit } from '../../local/gateway/frame-limit';

/** Returns a client's frame with this number of payload bytes. */
function frame(bytes: number): Buffer {
  const header = Buffer.alloc(bytes < 126 ? 2 : bytes < 65_536 ? 4 : 10, 0x81);
  header[1] = 0x80 | (bytes < 126 ? bytes : bytes < 65_536 ? 126 : 127);
  if (header.length === 4) header.writeUInt16BE(bytes, 2);
  if (header.length === 10) header.writeBigUInt64BE(BigInt(bytes), 2);
  const mask = Buffer.alloc(4, 0xff);
  return Buffer.concat([header, mask, Buffer.alloc(bytes, 0x7e)]);
}

/** Returns the index of the chunk that exceeded the limit; -1 for none. */
function exceededAt(chunks: readonly Buffer[]): number {
  let exceeded = false;
  const limit = new FrameLimit(() => {
    exceeded = true;
  });
  return chunks.findIndex((chunk) => {
    limit.read(chunk);
    return exceeded;
  });
}

describe('the limit of a frame', () => {
  const fitting = [0, 1, 125, 126, 65, 32_767, 32_768].map(frame);

  it.each([1, 2, 3, 5, 7, 1000, 40_000])('sees the frames through chunks of %d bytes', (size) => {
    const split = (bytes: Buffer) =>
      Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
        bytes.subarray(index * size, (index + 1) * size),
      );

    expect(exceededAt(split(Buffer.concat(fitting)))).toBe(-1);
    for (const bytes of [32_769, 65_535, 65_536, 100_000]) {
      const before = Buffer.concat(fitting).length;
      const at = exceededAt(split(Buffer.concat([...fitting, frame(bytes)])));
      const headerEnd = before + (bytes > 65_535 ? 14 : 8);
      expect(at).toBe(Math.ceil(headerEnd / size) - 1);
    }
  });
});
