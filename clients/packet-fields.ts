/** A fixed header, section 2.1. */
export interface Header {
  type: number;
  qos: number;
  /** Length of the header itself. */
  bytes: number;
  remaining: number;
}

/** A remaining length of more than four bytes is left to whoever reads the packet; nothing behind it can be understood. */
export function headerAt(bytes: Uint8Array, at: number): Header | 'incomplete' {
  const first = bytes[at];
  if (first === undefined) return 'incomplete';
  const length = variableInteger(bytes, at + 1);
  if (length === 'incomplete') return length;
  return { type: first >> 4, qos: (first >> 1) & 3, bytes: 1 + length.bytes, remaining: length.value };
}

function variableInteger(bytes: Uint8Array, at: number): { value: number; bytes: number } | 'incomplete' {
  let value = 0;
  for (let count = 1; count <= 4; count++) {
    const byte = bytes[at + count - 1];
    if (byte === undefined) return 'incomplete';
    value += (byte & 0x7f) << (7 * (count - 1));
    if (byte < 0x80) return { value, bytes: count };
  }
  return { value: Number.POSITIVE_INFINITY, bytes: 4 };
}

/** Position of the value of a property of CONNACK that has two or more bytes, section 3.2.2.3. */
export function connackPropertyAt(packets: Uint8Array, property: number): number | undefined {
  const header = headerAt(packets, 0);
  if (header === 'incomplete' || header.remaining < 3) return undefined; // 3.1.1 has flags and return code only
  const lengthAt = header.bytes + 2;
  const length = variableInteger(packets, lengthAt);
  if (length === 'incomplete') return undefined;
  const end = Math.min(lengthAt + length.bytes + length.value, packets.length);
  for (let at = lengthAt + length.bytes; at < end; ) {
    const next = at + 1 + valueBytes(packets, at);
    if (packets[at] === property) return next <= end ? at + 1 : undefined;
    at = next;
  }
  return undefined;
}

/** Bytes of the value of a property of CONNACK, by its identifier, section 2.2.2.2. */
function valueBytes(bytes: Uint8Array, at: number): number {
  switch (bytes[at]) {
    case 0x24: // maximum QoS
    case 0x25: // retain available
    case 0x28: // wildcard subscription available
    case 0x29: // subscription identifiers available
    case 0x2a: // shared subscription available
      return 1;
    case 0x13: // server keep alive
    case 0x21: // receive maximum
    case 0x22: // topic alias maximum
      return 2;
    case 0x11: // session expiry interval
    case 0x27: // maximum packet size
      return 4;
    case 0x26: {
      const name = 2 + uint16(bytes, at + 1); // user property: two strings
      return name + 2 + uint16(bytes, at + 1 + name);
    }
    default:
      return 2 + uint16(bytes, at + 1); // all others are strings and binary data
  }
}

export function uint16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

export function withUint16(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const changed = bytes.slice();
  changed[at] = value >> 8;
  changed[at + 1] = value & 0xff;
  return changed;
}

export function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(one.length + other.length);
  bytes.set(one);
  bytes.set(other, one.length);
  return bytes;
}
