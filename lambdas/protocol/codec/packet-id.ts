import { malformedPacket, protocolError } from './errors';
import type { PacketReader } from './packet-reader';

/** Packet Identifier, section 2.2.1. 0 can be read, so to MQTT 5.0 it is no malformed packet but a protocol error. */
export function readPacketId(reader: PacketReader, version: number): number {
  const packetId = reader.uint16('packet id');
  if (packetId > 0) return packetId;
  throw version === 5 ? protocolError('packet id is 0') : malformedPacket('packet id is 0'); // [MQTT-2.2.1-3] [v3 MQTT-2.3.1-1]
}
