import type { Effect } from '../effects';
import type { AcknowledgementPacket } from '../packets';

/** PUBREL, section 3.6: the server delivers the stored QoS 2 message. */
export function handlePubrel({ messageId }: AcknowledgementPacket): Effect[] {
  return [{ do: 'release', packetId: messageId }];
}
