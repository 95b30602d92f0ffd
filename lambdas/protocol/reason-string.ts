import { encode } from './codec/encode';
import type { ConnackPacket, DisconnectPacket } from './packets';

/** A packet of MQTT 5.0 that says why, unless that makes it larger than its client takes [MQTT-3.2.2-19] [MQTT-3.14.2-3]. */
export function withReason<Packet extends ConnackPacket | DisconnectPacket>(
  packet: Packet,
  reasonString: string | undefined,
  maximumPacketSize: number,
): Packet {
  if (reasonString === undefined) return packet;
  const explained = { ...packet, properties: { ...packet.properties, reasonString } };
  return encode(explained, 5).length <= maximumPacketSize ? explained : packet;
}
