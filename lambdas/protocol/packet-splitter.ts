import { readFixedHeader } from './codec/read-fixed-header';
import { gatewayMaxPacketSize } from './limits';
import { ProtocolError, Reason } from './reason-codes';

/** Result of cutting a byte stream into packets. */
export interface SplitResult {
  readonly packets: Buffer[];
  /** Start of an incomplete or invalid packet; empty if the stream ends at the end of a packet. */
  readonly tail: Buffer;
  /** Set if the bytes in `tail` are not a valid packet. The packets before them are valid. */
  readonly error?: ProtocolError;
}

/** Cuts the byte stream of a client into packets. `tail` is the rest of the previous call, `bytes` are new. */
export function splitPackets(tail: Buffer, bytes: Buffer, maximum = gatewayMaxPacketSize): SplitResult {
  const stream = tail.length === 0 ? bytes : Buffer.concat([tail, bytes]);
  const packets: Buffer[] = [];
  let start = 0;
  for (;;) {
    const size = sizeWithin(maximum, stream, start);
    if (size instanceof ProtocolError) return { packets, tail: stream.subarray(start), error: size };
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

/** Returns the bytes of the packet at `start`, including its fixed header; undefined while that header is incomplete. */
export function packetSize(stream: Buffer, start: number): number | ProtocolError | undefined {
  const header = readFixedHeader(stream, start);
  if (header?.state === 'malformed') {
    return new ProtocolError(Reason.malformedPacket, 'remaining length has more than 4 bytes'); // v3 2.2.3
  }
  return header?.state === 'complete' ? header.size + header.remaining : undefined;
}
