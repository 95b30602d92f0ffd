import type { SubscriptionName } from './effects';
import { ProtocolError, Reason } from './reason-codes';
import { quoteTopic } from './topic';
import { isShared, isTopicFilter } from './topic-filter';

/**
 * What a client means by the name of a subscription. Throws for what is no topic filter, which is a violation of the protocol
 * [v3 MQTT-4.8.0-1]; Mosquitto ends the connection too, and a refusal would hide the mistake.
 */
export function subscriptionName(name: string, version: number): SubscriptionName {
  if (!isTopicFilter(name)) throw invalid(name);
  if (version < 5 || !isShared(name)) return { name, filter: name };
  const [, share = '', ...rest] = name.split('/');
  const filter = rest.join('/');
  if (share === '' || /[+#]/.test(share) || !isTopicFilter(filter)) throw invalid(name); // [MQTT-4.8.2-1] [MQTT-4.8.2-2]
  return { name, filter, share };
}

function invalid(name: string): ProtocolError {
  return new ProtocolError(Reason.topicFilterInvalid, `${quoteTopic(name)} is not a topic filter`);
}
