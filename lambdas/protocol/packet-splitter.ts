import { readFixedHeader } from './codec/read-fixed-header';
import { maximumPacketSize } from './limits';
import { ProtocolError, Reason } from './reason-codes';

/** Whole packets, and the beginning of one that is incomplete or cannot be read (empty when the stream ends on a packet's end). */
export interface Split {
  readonly packets: Buffer[];
  readonly tail: Buffer;
  /** Why nothing behind these packets can be read. What was well said before it still counts. */
  readonly broken?: ProtocolError;
}

/** Cuts the byte stream of a client into packets: what was left over last time, then what came now. */
export function splitPackets(tail: Buffer, bytes: Buffer, maximum = maximumPacketSize): Split {
  const stream = tail.length === 0 ? bytes : Buffer.concat([tail, bytes]);
  const packets: Buffer[] = [];
  let start = 0;
  for (;;) {
    const size = sizeWithin(maximum, stream, start);
    if (size instanceof ProtocolError) return { packets, tail: stream.subarray(start), broken: size };
    if (size === undefined || start + size > stream.length) return { packets, tail: stream.subarray(start) };
    packets.push(stream.subarray(start, start + size));
    start += size;
  }
}

function sizeWithin(maximum: number, stream: Buffer, start: number): number | ProtocolError | undefined {
  const size = packetSize(stream, start);
  if (typeof size !== 'number' || size <= maximum) return size;
  return new ProtocolError(Reason.packetTooLarge, `packet has ${size} bytes, more than ${maximum}`);
}

/** Bytes of the packet that begins at `start`, fixed header included, or undefined while that header is incomplete. */
export function packetSize(stream: Buffer, start: number): number | ProtocolError | undefined {
  const header = readFixedHeader(stream, start);
  if (header?.state === 'malformed') {
    return new ProtocolError(Reason.malformedPacket, 'remaining length has more than 4 bytes'); // v3 2.2.3
  }
  return header?.state === 'complete' ? header.size + header.remaining : undefined;
}
