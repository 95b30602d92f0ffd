import type { Effect } from '../effects';
import type { AcknowledgementPacket } from '../packets';

/** PUBACK, section 3.4: the client has accepted ownership of the QoS 1 message. */
export function handlePuback(packet: AcknowledgementPacket): Effect[] {
  return [{ do: 'acknowledged', packetId: packet.messageId }];
}
