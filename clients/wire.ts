import { decodeBase64, encodeBase64 } from './base64';

/** API Gateway: a frame is at most 32 KB. The number and its dot count, too. */
export const MAX_FRAME_CHARACTERS = 32_768;

/** Raw bytes in a numbered frame: the base64 of these leaves 16 characters for the number and its dot. */
export const MAX_FRAME_BYTES = 24_564;

/** Bytes of the largest packet of a client, fixed header included: the Maximum Packet Size that the broker announces. */
export const MAX_PACKET_BYTES = 97_280;

/**
 * Bytes of the largest packet to a client: what one answer of API Gateway (128 KB) holds as base64. A message grows on its
 * way, by the properties of MQTT 5.0 and subscription identifiers.
 */
export const MAX_DELIVERED_BYTES = 98_304;

/** CONNECT, PINGREQ and DISCONNECT. */
const URGENT = [1, 12, 14];

/** The other side, or the library above, broke the wire format. The connection cannot go on. */
export class WireError extends Error {
  override readonly name: string = 'WireError';
  /** MQTT.js reports an error of its stream only if it has a code. */
  readonly code: string = 'CIRRUS_WIRE';
}

/** API Gateway answered in place of the broker. */
export class GatewayError extends WireError {
  override readonly name = 'GatewayError';
  override readonly code = 'CIRRUS_GATEWAY';
}

/** A packet that nobody would take. */
export class PacketTooLargeError extends WireError {
  override readonly name = 'PacketTooLargeError';

  /** Both sizes in bytes, fixed header included. */
  constructor(
    readonly bytes: number,
    readonly limit: number = MAX_PACKET_BYTES,
  ) {
    super(`a packet of ${bytes} bytes is over the limit of ${limit}`);
  }
}

/** Turns MQTT bytes in any chunking into numbered text frames of whole packets, or of slices of a large packet. */
export class FrameWriter {
  private frames = 0;
  private readonly parts: Uint8Array[] = [];
  /** How many bytes at the front of `parts` are whole packets for the next frame. */
  private wholeBytes = 0;
  private headerBytes = 0;
  private packetBytes = 0;
  private missingBytes = 0;
  private firstByte = 0;
  private urgent = false;

  constructor(private readonly send: (frame: string) => void) {}

  /** How many bytes of whole packets wait for `flush`. */
  get waitingBytes(): number {
    return this.wholeBytes;
  }

  /** Whether one of these is a CONNECT, PINGREQ or DISCONNECT, for which somebody waits. */
  get isUrgent(): boolean {
    return this.urgent;
  }

  /** Whether no packet is there in part only. */
  get isBetweenPackets(): boolean {
    return this.headerBytes === 0 && this.missingBytes === 0;
  }

  /** Takes a chunk and keeps it until sent: do not reuse its memory. Full frames leave at once, the rest with `flush`. */
  write(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.parts.push(chunk);
    for (let at = 0; at < chunk.length; ) {
      if (this.missingBytes === 0) this.readHeader(chunk[at++]!);
      else at += this.readBody(chunk.length - at);
    }
  }

  /** Sends the whole packets written since the last frame; a packet still incomplete stays. */
  flush(): void {
    if (this.wholeBytes === 0) return;
    const bytes = this.wholeBytes;
    this.wholeBytes = 0;
    this.urgent = false;
    this.sendFrame(bytes);
  }

  private readHeader(byte: number): void {
    this.headerBytes += 1;
    if (this.headerBytes === 1) {
      this.firstByte = byte;
      return;
    }
    this.packetBytes += (byte & 0x7f) << (7 * (this.headerBytes - 2));
    if (byte < 0x80) this.startPacket();
    else if (this.headerBytes === 5) throw malformedLength();
  }

  private startPacket(): void {
    this.missingBytes = this.packetBytes;
    this.packetBytes += this.headerBytes;
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
    this.urgent ||= this.wholeBytes > 0 && URGENT.includes(this.firstByte >> 4);
    this.packetBytes = 0;
  }

  private sendSlices(bytes: number): void {
    for (let left = bytes; left > 0; left -= MAX_FRAME_BYTES) this.sendFrame(Math.min(left, MAX_FRAME_BYTES));
  }

  private sendFrame(bytes: number): void {
    this.frames += 1;
    this.send(`${this.frames}.${encodeBase64(this.take(bytes))}`);
  }

  /** The first bytes of `parts`, without a copy when one part holds them all. */
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

// One for all writers: a frame is encoded before anything else can run.
const gathered = new Uint8Array(MAX_FRAME_BYTES);

/** The MQTT bytes of a frame from the server, which are always whole packets. */
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

/** The error of a fixed header that does not end [MQTT-1.5.5-1]. */
export function malformedLength(): WireError {
  return new WireError('malformed remaining length: more than 4 bytes');
}
