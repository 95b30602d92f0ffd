import type { Effect } from '../effects';
import type { AcknowledgementPacket } from '../packets';

/** Reason codes from here on are errors. */
const failure = 0x80;

/** PUBREC, section 3.5: the server must not send the PUBLISH again [v3 MQTT-4.3.3-1]. */
export function handlePubrec({ messageId, reasonCode = 0 }: AcknowledgementPacket): Effect[] {
  if (reasonCode >= failure) return [{ do: 'rejected', packetId: messageId }]; // section 4.3.3
  return [{ do: 'received', packetId: messageId }];
}
