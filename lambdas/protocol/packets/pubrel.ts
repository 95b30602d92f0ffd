import type { IPubrelPacket } from 'mqtt-packet';
import type { Effect } from '../effects';

/** PUBREL, section 3.6: the held message goes onward. */
export function handlePubrel(packet: IPubrelPacket): Effect[] {
  const messageId = packet.messageId!;
  return [
    { do: 'release', packetId: messageId },
    { do: 'send', packet: { cmd: 'pubcomp', messageId } }, // always: a repeat finds nothing held [v3 MQTT-4.3.3-2]
  ];
}
