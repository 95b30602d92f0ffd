import type { Effect } from '../effects';
import type { AcknowledgementPacket } from '../packets';

/** PUBREL, section 3.6: the held message goes onward. */
export function handlePubrel({ messageId }: AcknowledgementPacket): Effect[] {
  return [{ do: 'release', packetId: messageId }];
}
