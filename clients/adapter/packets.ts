/** Control packet types, section 2.1.2: the upper half of the first byte. */
export const PacketType = {
  connect: 1,
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubcomp: 7,
  subscribe: 8,
  suback: 9,
  unsubscribe: 10,
  unsuback: 11,
  pingreq: 12,
  pingresp: 13,
} as const;

/** Reason codes of MQTT 5.0 that the adapter gives by itself, section 2.4. */
export const Reason = {
  malformedPacket: 0x81,
  notAuthorized: 0x87,
  serverUnavailable: 0x88,
  serverBusy: 0x89,
  serverShuttingDown: 0x8b,
  keepAliveTimeout: 0x8d,
  packetTooLarge: 0x95,
  maximumConnectTime: 0xa0,
} as const;

export type ReasonCode = (typeof Reason)[keyof typeof Reason];

export const pingreq = Buffer.from('c000', 'hex');
export const pingresp = Buffer.from('d000', 'hex');
/** What a client of any version says when it leaves on purpose. */
export const farewell = Buffer.from('e000', 'hex');

export function typeOf(packet: Buffer): number {
  return packet[0]! >> 4;
}

/** Where the variable header begins. */
export function bodyOf(packet: Buffer): Buffer {
  let at = 1;
  while (packet[at]! >= 0x80) at += 1;
  return packet.subarray(at + 1);
}

/** CONNACK that lets nobody in. MQTT 3 has fewer codes, section 3.2.2.3 of 3.1.1. */
export function refusal(version: 3 | 4 | 5, reason: ReasonCode): Buffer {
  if (version === 5) return Buffer.from([0x20, 3, 0, reason, 0]);
  const notAuthorized = 5;
  const serverUnavailable = 3;
  return Buffer.from([0x20, 2, 0, reason === Reason.notAuthorized ? notAuthorized : serverUnavailable]);
}

/** DISCONNECT of a server, which only MQTT 5.0 knows. */
export function dismissal(reason: ReasonCode): Buffer {
  return Buffer.from([0xe0, 2, reason, 0]);
}

/** The Server Keep Alive of a CONNACK of MQTT 5.0 in seconds, section 3.2.2.3.14. */
export function serverKeepAliveOf(connack: Buffer): number | undefined {
  const body = bodyOf(connack);
  let at = 2;
  while (body[at]! >= 0x80) at += 1;
  for (at += 1; at < body.length; at += 1 + propertyLength(body, at)) {
    if (body[at] === 0x13 && at + 2 < body.length) return body.readUInt16BE(at + 1);
  }
  return undefined;
}

/** Bytes behind the identifier of a property that CONNACK may have, section 3.2.2.3. */
function propertyLength(bytes: Buffer, at: number): number {
  const id = bytes[at]!;
  if ([0x24, 0x25, 0x28, 0x29, 0x2a].includes(id)) return 1;
  if ([0x13, 0x21, 0x22].includes(id)) return 2;
  if ([0x11, 0x27].includes(id)) return 4;
  const first = 2 + (bytes.length > at + 2 ? bytes.readUInt16BE(at + 1) : 0);
  if (id !== 0x26) return first;
  return first + 2 + (bytes.length > at + first + 2 ? bytes.readUInt16BE(at + 1 + first) : 0);
}
