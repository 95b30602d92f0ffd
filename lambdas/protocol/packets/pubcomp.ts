import type { IPubcompPacket } from 'mqtt-packet';
import type { Effect } from '../effects';

/** PUBCOMP, section 3.7: the QoS 2 exchange is over and its packet id is free. */
export function handlePubcomp(packet: IPubcompPacket): Effect[] {
  return [{ do: 'complete', packetId: packet.messageId! }];
}
