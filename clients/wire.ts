import { packetType } from '../lambdas/protocol/codec/packet-types';
import { type FixedHeader, readFixedHeader } from '../lambdas/protocol/codec/read-fixed-header';
import { gatewayMaxPacketSize, maxIncomingPacketSize } from '../lambdas/protocol/limits';
import { decodeBase64, encodeBase64 } from './base64';

/** Characters of the longest frame, its number and the dot included: API Gateway's limit of 32 KB. */
export const MAX_FRAME_CHARACTERS = 32_768;

/** MQTT bytes in the longest numbered frame: base64 turns them into 32,752 characters, which leaves 16 for number and dot. */
export const MAX_FRAME_BYTES = 24_564;

/** Bytes of the largest packet of a client, fixed header included: the Maximum Packet Size that the broker announces. */
export const MAX_PACKET_BYTES: number = maxIncomingPacketSize;

/**
 * Bytes of the largest packet to a client: as base64 it fills one post of API Gateway (128 KB). A delivered message may be
 * larger than the published one, because MQTT 5.0 adds properties and subscription identifiers.
 */
export const MAX_DELIVERED_BYTES: number = gatewayMaxPacketSize;

/** Packets that are sent without waiting for others. */
const URGENT: readonly number[] = [packetType.connect, packetType.pingreq, packetType.disconnect];

/** Bytes of the longest fixed header, section 2.1. */
const MAX_HEADER_BYTES = 5;

/** The gateway, or the library above, violated the wire format. The connection cannot continue. */
export class WireError extends Error {
  override readonly name: string = 'WireError';
  /** MQTT.js reports an error of its stream only if it has a code. */
  readonly code: string = 'CIRRUS_WIRE';
}

/** API Gateway responded in place of the broker. */
export class GatewayError extends WireError {
  override readonly name = 'GatewayError';
  override readonly code = 'CIRRUS_GATEWAY';
}

/** A packet is over the limit of the broker. */
export class PacketTooLargeError extends WireError {
  override readonly name = 'PacketTooLargeError';

  /** Both sizes are bytes, fixed header included. */
  constructor(
    readonly bytes: number,
    readonly limit: number = MAX_PACKET_BYTES,
  ) {
    super(`a packet of ${bytes} bytes is over the limit of ${limit}`);
  }
}

/** Turns MQTT bytes in any chunking into numbered text frames of whole packets, or of slices of one large packet. */
export class FrameWriter {
  private frames = 0;
  private readonly parts: Uint8Array[] = [];
  /** Bytes of whole packets at the front of `parts`, for the next frame. */
  private wholeBytes = 0;
  /** The fixed header of the packet that has begun, as far as it has been written. */
  private readonly header = new Uint8Array(MAX_HEADER_BYTES);
  private headerBytes = 0;
  private packetBytes = 0;
  private missingBytes = 0;
  private urgent = false;

  /** @param send takes each frame, synchronously */
  constructor(private readonly send: (frame: string) => void) {}

  /** Bytes of whole packets that wait for `flush`. */
  get waitingBytes(): number {
    return this.wholeBytes;
  }

  /** True if CONNECT, PINGREQ or DISCONNECT waits for `flush`. */
  get isUrgent(): boolean {
    return this.urgent;
  }

  /** True if no packet has been written in part only. */
  get isBetweenPackets(): boolean {
    return this.headerBytes === 0 && this.missingBytes === 0;
  }

  /**
   * Takes a chunk and keeps it until it has been sent: the caller must not reuse its memory. Full frames are sent at once, the
   * rest with `flush`.
   *
   * @throws WireError for a malformed Remaining Length [MQTT-1.5.5-1]
   * @throws PacketTooLargeError for a packet above `MAX_PACKET_BYTES`
   */
  write(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.parts.push(chunk);
    for (let at = 0; at < chunk.length; ) {
      if (this.missingBytes === 0) this.readHeader(chunk[at++]!);
      else at += this.readBody(chunk.length - at);
    }
  }

  /** Sends the whole packets written since the last frame; an incomplete packet stays. */
  flush(): void {
    if (this.wholeBytes === 0) return;
    const bytes = this.wholeBytes;
    this.wholeBytes = 0;
    this.urgent = false;
    this.sendFrame(bytes);
  }

  private readHeader(byte: number): void {
    this.header[this.headerBytes++] = byte;
    const header = readFixedHeader(this.header.subarray(0, this.headerBytes))!;
    if (header.state === 'malformed') throw malformedLength();
    if (header.state === 'complete') this.startPacket(header);
  }

  private startPacket({ size, remaining }: FixedHeader): void {
    this.missingBytes = remaining;
    this.packetBytes = size + remaining;
    this.headerBytes = 0;
    if (this.packetBytes > MAX_PACKET_BYTES) throw new PacketTooLargeError(this.packetBytes);
    if (this.wholeBytes + this.packetBytes > MAX_FRAME_BYTES) this.flush();
    if (this.missingBytes === 0) this.endPacket();
  }

  private readBody(available: number): number {
    const taken = Math.min(available, this.missingBytes);
    this.missingBytes -= taken;
    if (this.missingBytes === 0) this.endPacket();
    return taken;
  }

  private endPacket(): void {
    if (this.packetBytes <= MAX_FRAME_BYTES) this.wholeBytes += this.packetBytes;
    else this.sendSlices(this.packetBytes);
    this.urgent ||= this.wholeBytes > 0 && URGENT.includes(this.header[0]! >> 4);
    this.packetBytes = 0;
  }

  private sendSlices(bytes: number): void {
    for (let left = bytes; left > 0; left -= MAX_FRAME_BYTES) this.sendFrame(Math.min(left, MAX_FRAME_BYTES));
  }

  private sendFrame(bytes: number): void {
    this.frames += 1;
    this.send(`${this.frames}.${encodeBase64(this.take(bytes))}`);
  }

  /** Removes the first bytes of `parts`; a copy is necessary only if they span several parts. */
  private take(bytes: number): Uint8Array {
    const first = this.parts[0]!;
    if (first.length < bytes) return this.gather(bytes);
    if (first.length === bytes) this.parts.shift();
    else this.parts[0] = first.subarray(bytes);
    return first.length === bytes ? first : first.subarray(0, bytes);
  }

  private gather(bytes: number): Uint8Array {
    let index = 0;
    for (let filled = 0; filled < bytes; ) {
      const part = this.parts[index]!;
      const piece = part.length <= bytes - filled ? part : part.subarray(0, bytes - filled);
      gathered.set(piece, filled);
      filled += piece.length;
      if (piece === part) index += 1;
      else this.parts[index] = part.subarray(piece.length);
    }
    this.parts.splice(0, index);
    return gathered.subarray(0, bytes);
  }
}

// One buffer for all writers: a frame is encoded before any other code runs.
const gathered = new Uint8Array(MAX_FRAME_BYTES);

/**
 * The MQTT bytes of a frame from the gateway, which are always whole packets.
 *
 * @throws GatewayError if the frame is an error message of API Gateway
 * @throws WireError if it is not padded, canonical base64
 */
export function readFrame(frame: string): Uint8Array {
  if (frame.startsWith('{')) throw new GatewayError(`gateway: ${gatewayMessage(frame)}`);
  const bytes = frame === '' ? undefined : decodeBase64(frame);
  if (!bytes) throw new WireError(`frame is not base64: ${frame.length} characters`);
  return bytes;
}

function gatewayMessage(frame: string): string {
  try {
    return String(JSON.parse(frame).message ?? frame);
  } catch {
    return frame;
  }
}

/** The error for a Remaining Length of more than four bytes [MQTT-1.5.5-1]. */
export function malformedLength(): WireError {
  return new WireError('malformed remaining length: more than 4 bytes');
}
