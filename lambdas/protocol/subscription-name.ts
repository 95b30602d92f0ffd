import { malformed } from './codec/errors';
import type { SubscriptionName } from './effects';
import type { ProtocolError } from './reason-codes';
import { quoteTopic } from './topic';
import { isShared, isTopicFilter } from './topic-filter';

/**
 * What a client means by the name of a subscription. Throws for what is no topic filter, which makes a packet malformed
 * [v3 MQTT-4.8.0-1]; Mosquitto ends the connection too, and a refusal (0x8F) is for a filter that is well-formed. A client of MQTT 3.1.1 may come back
 * to a session of 5.0, so it may mean a share as well.
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
  return malformed(`${quoteTopic(name)} is not a topic filter`);
}
