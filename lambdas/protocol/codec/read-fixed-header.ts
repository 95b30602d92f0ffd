import { readVarint, type Varint } from './varint';

/** The first bytes of a packet, section 2.1. */
export interface FixedHeader {
  /** The first byte: packet type and flags. */
  readonly header: number;
  /** Bytes of the fixed header that have been read, the first byte included. */
  readonly size: number;
  /** Remaining Length, as far as its bytes are there. */
  readonly remaining: number;
  /** `incomplete`: bytes of the Remaining Length are missing. `malformed`: it has more than four bytes. */
  readonly state: Varint['state'];
}

/** Reads the fixed header of the packet that begins at `start`, as far as it is there; undefined where not even its first byte is. */
export function readFixedHeader(bytes: Uint8Array, start = 0): FixedHeader | undefined {
  const header = bytes[start];
  if (header === undefined) return undefined;
  const { value, size, state } = readVarint(bytes, start + 1);
  return { header, size: 1 + size, remaining: value, state };
}

/** Bytes of the fixed header of a whole packet. */
export function fixedHeaderSize(packet: Uint8Array): number {
  return 1 + readVarint(packet, 1).size;
}
