import type { Effect } from '../effects';
import type { AcknowledgementPacket } from '../packets';

/** PUBREL, section 3.6: the held message goes onward. */
export function handlePubrel({ messageId }: AcknowledgementPacket): Effect[] {
  return [
    { do: 'release', packetId: messageId },
    { do: 'send', packet: { cmd: 'pubcomp', messageId } }, // always: a repeat finds nothing held [v3 MQTT-4.3.3-2]
  ];
}
