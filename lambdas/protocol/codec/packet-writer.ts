import { Buffer } from 'node:buffer';
import { replaceDisallowed } from '../disallowed-characters';
import { packetType, reservedFlags } from './packet-types';

/** Bytes that a number needs as a Variable Byte Integer, section 1.5.5. */
export function varintSize(value: number): number {
  if (value < 128) return 1;
  if (value < 16_384) return 2;
  return value < 2_097_152 ? 3 : 4;
}

/** Bytes of a UTF-8 Encoded String, its length included. */
export function textSize(text: string): number {
  return 2 + Buffer.byteLength(replaceDisallowed(text));
}

/** Writes the fields of one packet one after the other, section 1.5, into exactly the bytes it needs. */
export class PacketWriter {
  readonly bytes: Buffer;
  private position = 1;

  /** Begins with the fixed header: the first byte, and how many bytes follow it and its length. */
  constructor(header: number, remaining: number) {
    this.bytes = Buffer.allocUnsafe(1 + varintSize(remaining) + remaining);
    this.bytes[0] = header;
    this.varint(remaining);
  }

  byte(value: number): void {
    this.bytes[this.position++] = value;
  }

  uint16(value: number): void {
    this.position = this.bytes.writeUInt16BE(value, this.position);
  }

  uint32(value: number): void {
    this.position = this.bytes.writeUInt32BE(value, this.position);
  }

  varint(value: number): void {
    let rest = value;
    for (; rest >= 128; rest >>= 7) this.bytes[this.position++] = (rest & 0x7f) | 0x80;
    this.bytes[this.position++] = rest;
  }

  /** A character that a receiver may take for a malformed packet is written as `?`. */
  text(text: string): void {
    const length = this.bytes.write(replaceDisallowed(text), this.position + 2);
    this.uint16(length);
    this.position += length;
  }

  binary(data: Buffer): void {
    this.uint16(data.length);
    this.raw(data);
  }

  /** Bytes without a length before them. */
  raw(data: Uint8Array): void {
    this.bytes.set(data, this.position);
    this.position += data.length;
  }
}

/** The first byte of any packet but PUBLISH. */
export function headerOf(cmd: Exclude<keyof typeof packetType, 'publish'>): number {
  const type = packetType[cmd];
  return (type << 4) | reservedFlags(type);
}
