import type { Effect } from '../effects';
import type { AcknowledgementPacket } from '../packets';

/** PUBCOMP, section 3.7: the QoS 2 exchange is over and its packet id is free. */
export function handlePubcomp(packet: AcknowledgementPacket): Effect[] {
  return [{ do: 'completed', packetId: packet.messageId }];
}
