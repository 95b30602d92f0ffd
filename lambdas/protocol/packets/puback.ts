import type { Effect } from '../effects';
import type { AcknowledgementPacket } from '../packets';

/** PUBACK, section 3.4: the client owns the QoS 1 message now. */
export function handlePuback(packet: AcknowledgementPacket): Effect[] {
  return [{ do: 'acknowledged', packetId: packet.messageId }];
}
