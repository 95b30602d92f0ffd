import type { Effect } from '../effects';
import type { AcknowledgementPacket } from '../packets';

/** Reason codes from here on say that something failed. */
const failure = 0x80;

/** PUBREC, section 3.5: from now on the PUBLISH must not be sent again [v3 MQTT-4.3.3-1]. */
export function handlePubrec({ messageId, reasonCode = 0 }: AcknowledgementPacket): Effect[] {
  if (reasonCode >= failure) return [{ do: 'rejected', packetId: messageId }]; // section 4.3.3
  return [{ do: 'received', packetId: messageId }];
}
