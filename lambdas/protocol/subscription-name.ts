import { malformedPacket } from './codec/errors';
import type { SubscriptionName } from './effects';
import type { ProtocolError } from './reason-codes';
import { quoteTopic } from './topic';
import { isShared, isTopicFilter } from './topic-filter';

/**
 * Parses a topic filter of SUBSCRIBE or UNSUBSCRIBE. Shared subscriptions are part of MQTT 5.0; like other brokers, this one offers them
 * to clients of MQTT 3.1.1 too. The 3.1.1 specification does not know share names, so that an invalid one is no protocol violation there:
 * it is returned as an ordinary filter, which SUBSCRIBE refuses.
 *
 * @throws ProtocolError 0x81 if the text is not a topic filter, because the packet is malformed [v3 MQTT-4.8.0-1]. Reason code 0x8F is for
 *   well-formed filters. Mosquitto closes the connection too.
 */
export function subscriptionName(name: string, version: number): SubscriptionName {
  if (!isTopicFilter(name)) throw invalid(name);
  if (!isShared(name)) return { name, filter: name };
  const [, share = '', ...rest] = name.split('/');
  const filter = rest.join('/');
  if (share !== '' && !/[+#]/.test(share) && isTopicFilter(filter)) return { name, filter, share };
  if (version < 5) return { name, filter: name };
  throw invalid(name); // [MQTT-4.8.2-1] [MQTT-4.8.2-2]
}

function invalid(name: string): ProtocolError {
  return malformedPacket(`${quoteTopic(name)} is not a topic filter`);
}
