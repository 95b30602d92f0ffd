import { malformed } from './errors';
import type { PacketReader } from './packet-reader';
import { packetType, reservedFlags } from './packet-types';

/** What section 2.1 demands of the first bytes of a packet, but for the flags of PUBLISH. */
export function checkFixedHeader(reader: PacketReader, version: number): void {
  const type = reader.header >> 4;
  if (type !== packetType.publish) checkFlags(type, reader.header & 0x0f, version);
  if (version === 5 && reader.hasPaddedLength) {
    throw malformed('remaining length has more bytes than it needs'); // [MQTT-1.5.5-1]; MQTT 3.1.1 allows it
  }
}

function checkFlags(type: number, flags: number, version: number): void {
  const expected = reservedFlags(type);
  if (flags === expected) return; // [MQTT-2.1.3-1] [v3 MQTT-2.2.2-2]
  // MQTT 3.1 lets a client set DUP on these when it sends them again (v3.1 section 2.1); 3.1.1 reserves the bit.
  if (version === 3 && expected !== 0 && flags === (expected | 0x08)) return;
  throw malformed(`flags of packet type ${type} are ${flags}, not ${expected}`);
}
