import { malformedPacket } from './codec/errors';
import type { SubscriptionName } from './effects';
import type { ProtocolError } from './reason-codes';
import { quoteTopic } from './topic';
import { isShared, isTopicFilter } from './topic-filter';

/**
 * What a client means by the name of a subscription. Throws for what is no topic filter, which makes a packet malformed
 * [v3 MQTT-4.8.0-1]; Mosquitto ends the connection too, and a refusal (0x8F) is for a filter that is well-formed. Shares belong to
 * MQTT 5.0, but clients of 3.1.1 may have them too, as other brokers allow. Their specification knows no share names, so for them
 * an invalid one is no violation: it is returned as an ordinary filter, for SUBSCRIBE to refuse.
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
