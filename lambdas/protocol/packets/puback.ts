import type { IPubackPacket } from 'mqtt-packet';
import type { Effect } from '../effects';

/** PUBACK, section 3.4: the client owns the QoS 1 message now. */
export function handlePuback(packet: IPubackPacket): Effect[] {
  return [{ do: 'settle', packetId: packet.messageId! }];
}
