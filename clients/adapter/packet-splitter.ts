import { malformedLength, PacketTooLargeError } from '../wire';

/** Bytes of the longest fixed header, section 2.1. */
const longestHeader = 5;

/** Cuts a stream of MQTT bytes into its packets. It never keeps more than one of them. */
export class PacketSplitter {
  /** The first bytes of a fixed header, at most four. */
  private header: Buffer = Buffer.alloc(0);
  private packet: Buffer | undefined;
  private filled = 0;

  /** `largest`: bytes of a packet, fixed header included. */
  constructor(public largest: number) {}

  /** Whether a packet has begun and is not whole yet. */
  get isInside(): boolean {
    return this.packet !== undefined || this.header.length > 0;
  }

  /** The first bytes of that packet, its fixed header among them as far as it is there. */
  get beginning(): Buffer {
    return this.packet ? this.packet.subarray(0, Math.min(this.filled, longestHeader)) : this.header;
  }

  /**
   * The packets that become whole with this chunk, one by one, so that the limit may change in between; they may share its memory.
   *
   * @throws WireError for a packet over the limit, or one whose remaining length does not end; the stream is of no use then.
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
      const length = packetLength(rest, this.largest);
      if (length === undefined || length > rest.length) return this.keep(rest, length);
      yield rest.subarray(0, length);
      rest = rest.subarray(length);
    }
  }

  private keep(bytes: Buffer, length: number | undefined): void {
    if (length === undefined) this.header = Buffer.from(bytes);
    else this.begin(bytes, length);
  }

  /** A packet gets its memory at once: kept chunk by chunk, one sent byte by byte would take many times its size. */
  private begin(bytes: Buffer, length: number): void {
    this.packet = Buffer.allocUnsafe(length);
    this.filled = bytes.copy(this.packet);
  }

  /** Returns what the packet had no use for. */
  private fill(packet: Buffer, chunk: Buffer): Buffer {
    const taken = chunk.copy(packet, this.filled);
    this.filled += taken;
    return chunk.subarray(taken);
  }
}

function packetLength(bytes: Buffer, largest: number): number | undefined {
  let remaining = 0;
  for (let index = 1; index <= 4; index++) {
    const byte = bytes[index];
    if (byte === undefined) return undefined;
    remaining += (byte & 0x7f) << (7 * (index - 1));
    if (byte < 0x80) return checked(1 + index + remaining, largest);
  }
  throw malformedLength();
}

function checked(length: number, largest: number): number {
  if (length > largest) throw new PacketTooLargeError(length, largest);
  return length;
}
