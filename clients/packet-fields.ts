import { type FixedHeader, readFixedHeader } from '../lambdas/protocol/codec/read-fixed-header';
import { readVarint } from '../lambdas/protocol/codec/varint';

/** PINGRESP, section 3.13. */
export const PINGRESP: Uint8Array = Uint8Array.of(0xd0, 0);

/** DISCONNECT with reason code 0x00: the broker publishes no will [MQTT-3.14.4-3]. */
export const DISCONNECT: Uint8Array = Uint8Array.of(0xe0, 0);

/** Identifiers of properties of CONNACK that limit the client, section 3.2.2.3. */
export const connackProperty = { serverKeepAlive: 0x13, maximumPacketSize: 0x27 } as const;

/**
 * The fixed header of the packet that begins at this position; undefined while bytes of it are missing. A malformed Remaining
 * Length becomes infinite: nothing behind it can be understood, and the reader of the packet ends the connection.
 */
export function wholeHeaderAt(bytes: Uint8Array, at: number): FixedHeader | undefined {
  const header = readFixedHeader(bytes, at);
  if (header?.state === 'malformed') return { ...header, remaining: Number.POSITIVE_INFINITY };
  return header?.state === 'complete' ? header : undefined;
}

/**
 * Position of the value of a property of CONNACK (MQTT 5.0, section 3.2.2.3); undefined where the packet does not have it.
 * The property must have a value of at least two bytes.
 *
 * @param packets begins with a whole CONNACK
 */
export function connackPropertyAt(packets: Uint8Array, property: number): number | undefined {
  const header = readFixedHeader(packets);
  if (header?.state !== 'complete' || header.remaining < 3) return undefined; // 3.1.1: flags and return code only
  const lengthAt = header.size + 2;
  const length = readVarint(packets, lengthAt);
  if (length.state !== 'complete') return undefined;
  const start = lengthAt + length.size;
  const end = Math.min(start + length.value, packets.length);
  for (let at = start; at < end; ) {
    const next = at + 1 + valueBytes(packets, at);
    if (packets[at] === property) return next <= end ? at + 1 : undefined;
    at = next;
  }
  return undefined;
}

/** Bytes of the value of a property of CONNACK, by its identifier, section 2.2.2.2. */
function valueBytes(bytes: Uint8Array, at: number): number {
  switch (bytes[at]) {
    case 0x24: // Maximum QoS
    case 0x25: // Retain Available
    case 0x28: // Wildcard Subscription Available
    case 0x29: // Subscription Identifier Available
    case 0x2a: // Shared Subscription Available
      return 1;
    case 0x13: // Server Keep Alive
    case 0x21: // Receive Maximum
    case 0x22: // Topic Alias Maximum
      return 2;
    case 0x11: // Session Expiry Interval
    case 0x27: // Maximum Packet Size
      return 4;
    case 0x26: {
      const name = 2 + uint16(bytes, at + 1); // User Property: two strings
      return name + 2 + uint16(bytes, at + 1 + name);
    }
    default:
      return 2 + uint16(bytes, at + 1); // All others are strings or binary data.
  }
}

/** Two Byte Integer, section 1.5.2. Bytes beyond the end count as 0: the broker refuses a malformed packet. */
export function uint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

/**
 * Position of the keep-alive in CONNECT: behind protocol name, protocol level and Connect Flags, section 3.1.2.10.
 *
 * @param nameAt position of the protocol name: the first byte behind the fixed header
 */
export function keepAliveAt(bytes: Uint8Array, nameAt: number): number {
  return nameAt + 2 + uint16(bytes, nameAt) + 2;
}

/** A copy of the bytes with another Two Byte Integer at this position. */
export function withUint16(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const changed = bytes.slice();
  changed[at] = value >> 8;
  changed[at + 1] = value & 0xff;
  return changed;
}

/** Two byte sequences as one. */
export function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(one.length + other.length);
  bytes.set(one);
  bytes.set(other, one.length);
  return bytes;
}
