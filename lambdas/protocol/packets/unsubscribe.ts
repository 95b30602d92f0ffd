import type { Effect } from '../effects';
import type { UnsubscribePacket } from '../packets';
import { ProtocolError, Reason } from '../reason-codes';
import { quoteTopic } from '../topic';
import { isTopicFilter } from '../topic-filter';

/** UNSUBSCRIBE, section 3.10. Filters are compared character by character, so even one nobody has is fine [v3 MQTT-3.10.4-5]. */
export function handleUnsubscribe(packet: UnsubscribePacket): Effect[] {
  for (const filter of packet.unsubscriptions) {
    if (isTopicFilter(filter)) continue;
    throw new ProtocolError(Reason.topicFilterInvalid, `${quoteTopic(filter)} is not a topic filter`);
  }
  return [{ do: 'unsubscribe', packetId: packet.messageId, filters: packet.unsubscriptions }];
}
