import { Buffer } from 'node:buffer';
import { replaceDisallowed } from '../disallowed-characters';
import { packetType, reservedFlags } from './packet-types';
import { varintBytes, varintSize } from './varint';

/** Returns the bytes of a UTF-8 Encoded String, including its length field. */
export function textSize(text: string): number {
  return 2 + Buffer.byteLength(replaceDisallowed(text));
}

/** Writes the fields of one packet in sequence, section 1.5, into a buffer of exactly its size. */
export class PacketWriter {
  readonly bytes: Buffer;
  private position = 1;

  /** Writes the fixed header: the first byte and the Remaining Length. */
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

  /** Writes a UTF-8 Encoded String. Replaces disallowed characters by `?`, because a receiver may treat them as a Malformed Packet. */
  text(text: string): void {
    const length = this.bytes.write(replaceDisallowed(text), this.position + 2);
    this.uint16(length);
    this.position += length;
  }

  binary(data: Buffer): void {
    this.uint16(data.length);
    this.raw(data);
  }

  /** Writes bytes without a length field. */
  raw(data: Uint8Array): void {
    this.bytes.set(data, this.position);
    this.position += data.length;
  }
}

/** Returns the first byte of any packet except PUBLISH. */
export function headerOf(cmd: Exclude<keyof typeof packetType, 'publish'>): number {
  const type = packetType[cmd];
  return (type << 4) | reservedFlags(type);
}
