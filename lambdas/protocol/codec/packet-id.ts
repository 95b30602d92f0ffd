import { malformedPacket, protocolError } from './errors';
import type { PacketReader } from './packet-reader';

/** Reads a Packet Identifier, section 2.2.1. The value 0 is a Malformed Packet in MQTT 3.1.1 and a Protocol Error in MQTT 5.0. */
export function readPacketId(reader: PacketReader, version: number): number {
  const packetId = reader.uint16('packet id');
  if (packetId > 0) return packetId;
  throw version === 5 ? protocolError('packet id is 0') : malformedPacket('packet id is 0'); // [MQTT-2.2.1-3] [v3 MQTT-2.3.1-1]
}
