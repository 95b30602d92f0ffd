import type { Effect } from '../effects';
import type { AcknowledgementPacket } from '../packets';

/** PUBREC, section 3.5: from now on the PUBLISH must not be sent again [v3 MQTT-4.3.3-1]. */
export function handlePubrec({ messageId }: AcknowledgementPacket): Effect[] {
  return [
    { do: 'markReceived', packetId: messageId },
    { do: 'send', packet: { cmd: 'pubrel', messageId } }, // an unknown id too, or the client would wait for it forever
  ];
}
