import type { Effect } from '../effects';
import type { UnsubscribePacket } from '../packets';
import { subscriptionName } from '../subscription-name';

/** UNSUBSCRIBE, section 3.10. Filters are compared character by character; one that no subscription has is allowed [v3 MQTT-3.10.4-5]. */
export function handleUnsubscribe(packet: UnsubscribePacket, version: number): Effect[] {
  const names = packet.unsubscriptions.map((name) => subscriptionName(name, version));
  return [{ do: 'unsubscribe', packetId: packet.messageId, names }];
}
