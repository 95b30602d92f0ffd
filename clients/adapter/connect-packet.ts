import { bodyOf } from './packets';

/** What the adapter has to know of a CONNECT, section 3.1. */
export interface ConnectPacket {
  version: 3 | 4 | 5;
  clientId: string;
  /** Seconds; 0 turns the keep-alive off. */
  keepAlive: number;
  hasWill: boolean;
  /** User name and password as they were sent, to tell whether another CONNECT has the same. */
  credentials: Buffer;
  bytes: Buffer;
}

/** Connect Flags, section 3.1.2.3. */
const willFlag = 0x04;

/** Bridges of Mosquitto mark themselves with the highest bit of the protocol level. */
const bridgeMark = 0x80;

/** Reads a CONNECT; undefined if it is none that can be read, about which the broker then has the last word. */
export function readConnect(bytes: Buffer): ConnectPacket | undefined {
  try {
    return read(bytes);
  } catch (error) {
    if (error instanceof TruncatedError) return undefined;
    throw error;
  }
}

/** The same CONNECT with another keep-alive, in seconds. */
export function withKeepAlive({ bytes }: ConnectPacket, seconds: number): Buffer {
  const copy = Buffer.from(bytes);
  const body = bodyOf(copy);
  body.writeUInt16BE(seconds, 2 + body.readUInt16BE(0) + 2);
  return copy;
}

function read(bytes: Buffer): ConnectPacket | undefined {
  const fields = new Fields(bodyOf(bytes));
  const name = fields.binary().toString('latin1');
  const version = versionOf(name, fields.byte() & ~bridgeMark);
  if (!version) return undefined;
  const flags = fields.byte();
  const keepAlive = fields.uint16();
  if (version === 5) fields.properties();
  const clientId = fields.binary().toString();
  const hasWill = (flags & willFlag) !== 0;
  if (hasWill && version === 5) fields.properties();
  if (hasWill) fields.skip(2);
  return { version, clientId, keepAlive, hasWill, credentials: fields.rest(), bytes };
}

function versionOf(name: string, level: number): ConnectPacket['version'] | undefined {
  if (name === 'MQIsdp') return level === 3 ? 3 : undefined;
  return name === 'MQTT' && (level === 4 || level === 5) ? level : undefined;
}

class TruncatedError extends Error {}

/** Fields one after the other; a TruncatedError where there are no more. */
class Fields {
  private at = 0;

  constructor(private readonly bytes: Buffer) {}

  byte(): number {
    return this.take(1)[0]!;
  }

  uint16(): number {
    return (this.byte() << 8) | this.byte();
  }

  binary(): Buffer {
    return this.take(this.uint16());
  }

  properties(): void {
    let length = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte();
      length += (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    this.take(length);
  }

  /** So many binary fields. */
  skip(count: number): void {
    for (let skipped = 0; skipped < count; skipped++) this.binary();
  }

  rest(): Buffer {
    return this.bytes.subarray(this.at);
  }

  private take(length: number): Buffer {
    if (this.at + length > this.bytes.length) throw new TruncatedError('the packet ends too soon');
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
}
