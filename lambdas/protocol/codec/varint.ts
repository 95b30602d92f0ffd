/** Bytes of the longest Variable Byte Integer, section 1.5.5. */
const maxSize = 4;

/** A Variable Byte Integer, as far as its bytes have been read: section 1.5.5. */
export interface Varint {
  readonly value: number;
  /** Bytes that have been read. */
  readonly size: number;
  /** `incomplete`: more bytes belong to it. `malformed`: its fourth byte announces a fifth [MQTT-1.5.5-1]. */
  readonly state: 'incomplete' | 'complete' | 'malformed';
}

/** A Variable Byte Integer before its first byte. */
export const emptyVarint: Varint = { value: 0, size: 0, state: 'incomplete' };

/** Adds the next byte. */
export function withByte({ value, size }: Varint, byte: number): Varint {
  const state = byte < 0x80 ? 'complete' : size + 1 < maxSize ? 'incomplete' : 'malformed';
  return { value: value + (byte & 0x7f) * 128 ** size, size: size + 1, state };
}

/** Reads a Variable Byte Integer that begins at `start`; no byte from `end` on is read. */
export function readVarint(bytes: Uint8Array, start: number, end: number = bytes.length): Varint {
  let varint = emptyVarint;
  for (let at = start; at < end && varint.state === 'incomplete'; at++) varint = withByte(varint, bytes[at]!);
  return varint;
}

/** Bytes that a number needs as a Variable Byte Integer. */
export function varintSize(value: number): number {
  if (value < 128) return 1;
  if (value < 16_384) return 2;
  return value < 2_097_152 ? 3 : 4;
}

/** A number as a Variable Byte Integer, in as few bytes as possible. */
export function varintBytes(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest >>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return bytes;
}
