import { ProtocolError, Reason } from './reason-codes';

/** Maximum bytes of a packet, including its fixed header. API Gateway allows 128 KB per message, which hold 96 KB in base64. */
export const gatewayMaxPacketSize = 98_304;

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
  let remaining = 0;
  for (let index = 0; index < 4; index++) {
    const byte = stream[start + 1 + index];
    if (byte === undefined) return undefined;
    remaining += (byte & 0x7f) * 128 ** index;
    if (byte < 0x80) return 2 + index + remaining;
  }
  return new ProtocolError(Reason.malformedPacket, 'remaining length has more than 4 bytes'); // v3 2.2.3
}
