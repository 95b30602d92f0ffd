/** Control Packet types, the first four bits of every packet, table 2-1. */
export const packetType = {
  connect: 1,
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  suback: 9,
  unsubscribe: 10,
  unsuback: 11,
  pingreq: 12,
  pingresp: 13,
  disconnect: 14,
  auth: 15,
} as const;

/** Returns the reserved flags of a packet type, the other four bits of the first byte, table 2-2. PUBLISH has flags of its own. */
export function reservedFlags(type: number): number {
  const { pubrel, subscribe, unsubscribe } = packetType;
  return type === pubrel || type === subscribe || type === unsubscribe ? 0b0010 : 0;
}
