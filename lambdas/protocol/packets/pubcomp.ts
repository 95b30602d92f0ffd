import type { Effect } from '../effects';
import type { AcknowledgementPacket } from '../packets';

/** PUBCOMP, section 3.7: the QoS 2 exchange is complete and its packet identifier is free again. */
export function handlePubcomp(packet: AcknowledgementPacket): Effect[] {
  return [{ do: 'completed', packetId: packet.messageId }];
}
