import type { Effect, RefusedRequest, SubscriptionRequest } from '../effects';
import type { SubscribePacket, Subscription } from '../packets';
import { ProtocolError, Reason, subscriptionFailure } from '../reason-codes';
import { quoteTopic } from '../topic';
import { countWildcards, covers, isShared, isTopicFilter } from '../topic-filter';

/** Each filter costs two writes; as many as fit into one packet would outlast an invocation. */
const filtersPerSubscribe = 1000;

/** What nobody may subscribe to, whoever asks. */
export interface SubscriptionLimits {
  /** Wildcards in one topic filter. */
  readonly maxWildcards: number;
  /** Filters that are refused, with all that they cover. */
  readonly refusedFilters: readonly string[];
}

/** SUBSCRIBE, section 3.8. Every entry gets its own answer, in the order asked for [v3 MQTT-3.8.4-4] [v3 MQTT-3.8.4-5]. */
export function handleSubscribe(packet: SubscribePacket, limits: SubscriptionLimits): Effect[] {
  const requests = packet.subscriptions.map((subscription, index) =>
    index < filtersPerSubscribe ? judge(subscription, limits) : refuse(subscription),
  );
  return [{ do: 'subscribe', packetId: packet.messageId, requests }];
}

function judge({ topic: filter, qos }: Subscription, limits: SubscriptionLimits): SubscriptionRequest | RefusedRequest {
  if (!isTopicFilter(filter)) {
    // A protocol violation ends the connection [v3 MQTT-4.8.0-1]. Mosquitto does the same; a refusal would hide the mistake.
    throw new ProtocolError(Reason.topicFilterInvalid, `${quoteTopic(filter)} is not a topic filter`);
  }
  // Shared subscriptions belong to MQTT 5.0. Granted as an ordinary filter this one would never hear anything.
  const refused =
    isShared(filter) ||
    countWildcards(filter) > limits.maxWildcards ||
    limits.refusedFilters.some((outer) => covers(outer, filter));
  return refused ? { filter, refused: subscriptionFailure } : { filter, qos };
}

function refuse({ topic: filter }: Subscription): RefusedRequest {
  return { filter, refused: subscriptionFailure };
}
