// API Gateway: a frame has at most 32 KB; the quota cannot be raised.
export const frameLimit = 32 * 1024;

/**
 * Reads the frame headers of a client beside the WebSocket library, which reports only complete messages. Calls back at
 * the header of a frame that is too long, before its payload has arrived.
 */
export class FrameLimit {
  private header = Buffer.alloc(0);
  /** Payload bytes until the next header. */
  private remaining = 0;
  private exceeded = false;

  constructor(private readonly onExceeded: () => void) {}

  read(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0 && !this.exceeded) {
      const skipped = Math.min(this.remaining, rest.length);
      this.remaining -= skipped;
      rest = rest.subarray(skipped);
      if (rest.length > 0) rest = this.readHeader(rest);
    }
  }

  /** Returns the bytes after the header; none when the header is incomplete. */
  private readHeader(chunk: Buffer): Buffer {
    const bytes = this.header.length > 0 ? Buffer.concat([this.header, chunk]) : chunk;
    const length = headerLength(bytes);
    if (length === undefined || bytes.length < length) {
      this.header = Buffer.from(bytes);
      return bytes.subarray(bytes.length);
    }
    this.header = this.header.subarray(this.header.length);
    this.remaining = payloadLength(bytes);
    if (this.remaining > frameLimit) {
      this.exceeded = true;
      this.onExceeded();
    }
    return bytes.subarray(length);
  }
}

const maskBytes = 4;

/** RFC 6455, section 5.2: two bytes, then an extended length of 2 or 8 bytes, then the mask of a client's frame. */
function headerLength(bytes: Buffer): number | undefined {
  if (bytes.length < 2) return undefined;
  const short = bytes[1]! & 0x7f;
  return 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + maskBytes;
}

function payloadLength(bytes: Buffer): number {
  const short = bytes[1]! & 0x7f;
  if (short === 126) return bytes.readUInt16BE(2);
  return short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
}
