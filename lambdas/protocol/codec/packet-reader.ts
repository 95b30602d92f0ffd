import { isUtf8 } from 'node:buffer';
import { disallowedCharacterIn } from '../disallowed-characters';
import { malformedPacket } from './errors';
import { type FixedHeader, fixedHeaderSize, readFixedHeader } from './read-fixed-header';
import { readVarint, varintSize } from './varint';

/**
 * Reads the fields of one whole packet in sequence, section 1.5. Every method takes the name of the field for its error message, and
 * throws a ProtocolError 0x81 if the packet ends before the field.
 */
export class PacketReader {
  /** Offset of the next field. */
  private position: number;
  /** Offset at which reading stops. */
  private limit: number;

  /** Starts behind the fixed header. */
  constructor(private readonly bytes: Buffer) {
    this.position = fixedHeaderSize(bytes);
    this.limit = bytes.length;
  }

  get header(): number {
    return this.bytes[0]!;
  }

  get fixedHeader(): FixedHeader {
    return readFixedHeader(this.bytes)!;
  }

  /** Bytes between the current position and the limit. */
  get remainingBytes(): number {
    return this.limit - this.position;
  }

  /** Limits reading to the next `length` bytes until `leave`. */
  enter(length: number, name: string): void {
    if (length > this.remainingBytes) throw tooShort(name);
    this.limit = this.position + length;
  }

  leave(): void {
    this.limit = this.bytes.length;
  }

  byte(name: string): number {
    if (this.position >= this.limit) throw tooShort(name);
    return this.bytes[this.position++]!;
  }

  uint16(name: string): number {
    const start = this.move(2, name);
    return (this.bytes[start]! << 8) | this.bytes[start + 1]!;
  }

  uint32(name: string): number {
    return this.bytes.readUInt32BE(this.move(4, name));
  }

  /** Reads a Variable Byte Integer. */
  varint(name: string): number {
    const { value, size, state } = readVarint(this.bytes, this.position, this.limit);
    if (state === 'incomplete') throw tooShort(name);
    if (state === 'malformed') throw malformedPacket(`${name} has more than 4 bytes`);
    if (size > varintSize(value)) throw malformedPacket(`${name} uses more bytes than necessary`); // [MQTT-1.5.5-1]
    this.position += size;
    return value;
  }

  /** Reads a UTF-8 Encoded String and refuses disallowed characters, section 1.5.4. */
  text(name: string): string {
    const length = this.uint16(name);
    const start = this.move(length, name);
    for (let index = start; index < this.position; index++) {
      const byte = this.bytes[index]!;
      if (byte < 0x20 || byte >= 0x7f) return this.unusualText(name, start);
    }
    return this.bytes.toString('latin1', start, this.position); // ASCII only; twice as fast as UTF-8
  }

  private unusualText(name: string, start: number): string {
    if (!isUtf8(this.bytes.subarray(start, this.position))) {
      throw malformedPacket(`${name} is not well-formed UTF-8`); // [MQTT-1.5.4-1] [v3 MQTT-1.5.3-1]
    }
    const text = this.bytes.toString('utf8', start, this.position);
    const unclean = disallowedCharacterIn(text);
    if (unclean) throw malformedPacket(`${name} contains ${unclean}`); // [MQTT-1.5.4-2] [v3 MQTT-1.5.3-2]
    return text;
  }

  /** Reads Binary Data as a view of the packet, not a copy. */
  binary(name: string): Buffer {
    const length = this.uint16(name);
    const start = this.move(length, name);
    return this.bytes.subarray(start, this.position);
  }

  /** Reads all remaining bytes as a view of the packet, not a copy. */
  rest(): Buffer {
    const start = this.position;
    this.position = this.bytes.length;
    return this.bytes.subarray(start);
  }

  /** @throws ProtocolError 0x81 if bytes follow the last field. */
  end(name: string): void {
    if (this.remainingBytes > 0) throw malformedPacket(`${name} has bytes after its last field`);
  }

  /** Advances over a field and returns its offset. */
  private move(length: number, name: string): number {
    const start = this.position;
    this.position += length;
    if (this.position > this.limit) throw tooShort(name);
    return start;
  }
}

function tooShort(name: string): Error {
  return malformedPacket(`packet ends before or inside ${name}`);
}
