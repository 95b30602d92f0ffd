import { readFixedHeader } from '../../lambdas/protocol/codec/read-fixed-header';
import { malformedLength, PacketTooLargeError } from '../wire';

/** Bytes of the longest fixed header, section 2.1. */
const maxHeaderBytes = 5;

/** Splits a stream of MQTT bytes into packets. It keeps at most one packet in memory. */
export class PacketSplitter {
  /** The first bytes of an incomplete fixed header, at most four. */
  private header: Buffer = Buffer.alloc(0);
  private packet: Buffer | undefined;
  private filled = 0;

  /** @param maxBytes bytes of the largest packet, fixed header included */
  constructor(public maxBytes: number) {}

  /** True if a packet has begun and is incomplete. */
  get isInsidePacket(): boolean {
    return this.packet !== undefined || this.header.length > 0;
  }

  /** The first bytes of the incomplete packet, at most its fixed header. */
  get beginning(): Buffer {
    return this.packet ? this.packet.subarray(0, Math.min(this.filled, maxHeaderBytes)) : this.header;
  }

  /**
   * Yields the packets that this chunk completes, one by one, so that `maxBytes` may change in between. They may share its
   * memory.
   *
   * @throws PacketTooLargeError for a packet over the limit, WireError for a malformed Remaining Length; the stream cannot be
   * read any further
   */
  *split(chunk: Buffer): Generator<Buffer, void> {
    let rest = chunk;
    if (this.packet) {
      rest = this.fill(this.packet, chunk);
      if (this.filled < this.packet.length) return;
      const { packet } = this;
      this.packet = undefined;
      yield packet;
    }
    if (this.header.length > 0) rest = Buffer.concat([this.header, rest]);
    this.header = Buffer.alloc(0);
    while (rest.length > 0) {
      const length = this.packetLength(rest);
      if (length === undefined || length > rest.length) return this.keep(rest, length);
      yield rest.subarray(0, length);
      rest = rest.subarray(length);
    }
  }

  private packetLength(bytes: Buffer): number | undefined {
    const header = readFixedHeader(bytes);
    if (header?.state === 'malformed') throw malformedLength();
    if (header?.state !== 'complete') return undefined;
    const length = header.size + header.remaining;
    if (length > this.maxBytes) throw new PacketTooLargeError(length, this.maxBytes);
    return length;
  }

  private keep(bytes: Buffer, length: number | undefined): void {
    if (length === undefined) this.header = Buffer.from(bytes);
    else this.begin(bytes, length);
  }

  /** Allocates the whole packet at once: chunks of one byte each would take many times its size. */
  private begin(bytes: Buffer, length: number): void {
    this.packet = Buffer.allocUnsafe(length);
    this.filled = bytes.copy(this.packet);
  }

  /** Returns the bytes behind the packet. */
  private fill(packet: Buffer, chunk: Buffer): Buffer {
    const taken = chunk.copy(packet, this.filled);
    this.filled += taken;
    return chunk.subarray(taken);
  }
}

/** The same memory as a Buffer. */
export function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
