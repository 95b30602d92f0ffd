import { Buffer } from 'node:buffer';
import { cleaned } from '../clean-text';
import { packetType, reservedFlags } from './packet-types';
import { varintBytes, varintSize } from './varint';

/** Bytes of a UTF-8 Encoded String, its length included. */
export function textSize(text: string): number {
  return 2 + Buffer.byteLength(cleaned(text));
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
    for (const byte of varintBytes(value)) this.byte(byte);
  }

  /** A character that a receiver may take for a malformed packet is written as `?`. */
  text(text: string): void {
    const length = this.bytes.write(cleaned(text), this.position + 2);
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
