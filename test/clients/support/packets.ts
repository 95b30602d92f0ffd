/** Number of bytes of whole packets at the front, at most `limit`. Independent of the code under test. */
export function wholePacketBytes(bytes: Buffer, limit = Number.POSITIVE_INFINITY): number {
  let whole = 0;
  for (;;) {
    const end = packetEnd(bytes, whole);
    if (end === undefined || end > bytes.length || end > limit) return whole;
    whole = end;
  }
}

function packetEnd(bytes: Buffer, start: number): number | undefined {
  let length = 0;
  for (let index = 1; index <= 4; index++) {
    const byte = bytes[start + index];
    if (byte === undefined) return undefined;
    length += (byte % 128) * 128 ** (index - 1);
    if (byte < 128) return start + 1 + index + length;
  }
  throw new Error('malformed remaining length');
}
