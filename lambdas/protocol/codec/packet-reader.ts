import { isUtf8 } from 'node:buffer';
import { uncleanIn } from '../clean-text';
import { malformed } from './errors';
import { type FixedHeader, fixedHeaderSize, readFixedHeader } from './read-fixed-header';
import { readVarint, varintSize } from './varint';

/**
 * Reads the fields of one whole packet one after the other, section 1.5. Every method takes the name of the field for the
 * message of its error, and throws a malformed packet where the bytes end too early.
 */
export class PacketReader {
  /** Where the next field begins. */
  private position: number;
  /** Where reading has to stop. */
  private limit: number;

  /** Begins behind the fixed header. */
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

  /** How many bytes are left. */
  get left(): number {
    return this.limit - this.position;
  }

  /** From here on only this many bytes can be read, until `leave`. */
  enter(length: number, name: string): void {
    if (length > this.left) throw tooShort(name);
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

  /** Variable Byte Integer. */
  varint(name: string): number {
    const { value, size, state } = readVarint(this.bytes, this.position, this.limit);
    if (state === 'incomplete') throw tooShort(name);
    if (state === 'malformed') throw malformed(`${name} has more than 4 bytes`);
    if (size > varintSize(value)) throw malformed(`${name} has more bytes than it needs`); // [MQTT-1.5.5-1]
    this.position += size;
    return value;
  }

  /** UTF-8 Encoded String, without control characters and noncharacters: section 1.5.4 allows to refuse them. */
  text(name: string): string {
    const length = this.uint16(name);
    const start = this.move(length, name);
    for (let index = start; index < this.position; index++) {
      const byte = this.bytes[index]!;
      if (byte < 0x20 || byte >= 0x7f) return this.unusualText(name, start);
    }
    return this.bytes.toString('latin1', start, this.position); // ASCII, and twice as fast
  }

  private unusualText(name: string, start: number): string {
    if (!isUtf8(this.bytes.subarray(start, this.position))) {
      throw malformed(`${name} is not well-formed UTF-8`); // [MQTT-1.5.4-1] [v3 MQTT-1.5.3-1]
    }
    const text = this.bytes.toString('utf8', start, this.position);
    const unclean = uncleanIn(text);
    if (unclean) throw malformed(`${name} contains ${unclean}`); // [MQTT-1.5.4-2] [v3 MQTT-1.5.3-2]
    return text;
  }

  /** Binary Data: a view of the packet, not a copy. */
  binary(name: string): Buffer {
    const length = this.uint16(name);
    const start = this.move(length, name);
    return this.bytes.subarray(start, this.position);
  }

  /** All that is left: a view of the packet, not a copy. */
  rest(): Buffer {
    const start = this.position;
    this.position = this.bytes.length;
    return this.bytes.subarray(start);
  }

  /** Throws when something follows the last field. */
  end(name: string): void {
    if (this.left > 0) throw malformed(`${name} goes on after its last field`);
  }

  /** Steps over a field and returns where it begins. */
  private move(length: number, name: string): number {
    const start = this.position;
    this.position += length;
    if (this.position > this.limit) throw tooShort(name);
    return start;
  }
}

function tooShort(name: string): Error {
  return malformed(`bytes end before or inside ${name}`);
}
