import { decode } from '../../protocol/codec/decode';
import { parseFrame } from '../../protocol/frames';
import { type SplitResult, splitPackets } from '../../protocol/packet-splitter';
import type { ClientPacket, ProtocolVersion } from '../../protocol/packets';
import { ProtocolError } from '../../protocol/reason-codes';
import type { FrameEvent, ReadyFrame } from '../model/connection-event';

/**
 * Parses the frames of a turn, each once: a turn that begins on the fast path and ends as a full turn finds frames and packets
 * parsed.
 */
export class FrameReader {
  private readonly frames = new Map<FrameEvent, ReadyFrame | ProtocolError>();
  private readonly packets = new Map<Buffer, SplitResult>();
  private readonly decoded = new Map<Buffer, { readonly version: ProtocolVersion | undefined; packet: ClientPacket }>();

  constructor(private readonly maxPacketSize: number) {}

  /** Returns number and bytes of a frame, or the error of one that is not in the wire format. */
  readonly frame = (event: FrameEvent): ReadyFrame | ProtocolError => {
    const known = this.frames.get(event);
    if (known) return known;
    const frame = parse(event);
    this.frames.set(event, frame);
    return frame;
  };

  /**
   * Splits a frame into packets.
   *
   * @param tail First bytes of a packet that an earlier frame has begun.
   */
  split(tail: Buffer, bytes: Buffer): SplitResult {
    if (tail.length > 0) return splitPackets(tail, bytes, this.maxPacketSize);
    const known = this.packets.get(bytes);
    if (known) return known;
    const split = splitPackets(tail, bytes, this.maxPacketSize);
    this.packets.set(bytes, split);
    return split;
  }

  /** @throws ProtocolError for a malformed packet. */
  decode(bytes: Buffer, version: ProtocolVersion | undefined): ClientPacket {
    const known = this.decoded.get(bytes);
    if (known && known.version === version) return known.packet;
    const packet = decode(bytes, version);
    this.decoded.set(bytes, { version, packet });
    return packet;
  }
}

function parse({ text, id: eventId, receivedAt, connectedAt, redelivered }: FrameEvent): ReadyFrame | ProtocolError {
  try {
    return { ...parseFrame(text), eventId, receivedAt, connectedAt, redelivered };
  } catch (error) {
    if (error instanceof ProtocolError) return error;
    throw error;
  }
}
