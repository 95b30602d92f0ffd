import { asciiJson } from '../ascii-json';
import type { Effect, RefusedRequest, SubscriptionRequest } from '../effects';
import { maxFilterJsonBytes } from '../limits';
import type { QoS, SubscribePacket, Subscription } from '../packets';
import { Reason, subscriptionFailure } from '../reason-codes';
import type { SessionView } from '../session-view';
import { subscriptionName } from '../subscription-name';
import { levels } from '../topic';
import { countWildcards, covers, isShared } from '../topic-filter';

/** Maximum filters in one SUBSCRIBE. Each filter takes two writes; all that fit into a packet would exceed the function's timeout. */
const maxFiltersPerSubscribe = 1000;

/** Limits of subscriptions that hold for every client. */
export interface SubscriptionLimits {
  /** Maximum wildcards in a topic filter; 0 means no limit. */
  readonly maxWildcards: number;
  /** Maximum levels of a topic filter. */
  readonly maxLevels: number;
  /** Filters that are refused, with all filters that they cover. */
  readonly refusedFilters: readonly string[];
}

/** SUBSCRIBE, section 3.8. Every entry has its own SUBACK code, in the order of the entries [v3 MQTT-3.8.4-4] [v3 MQTT-3.8.4-5]. */
export function handleSubscribe(packet: SubscribePacket, session: Subscriber, limits: SubscriptionLimits): Effect[] {
  const identifier = packet.properties?.subscriptionIdentifier;
  const requests = packet.subscriptions.map((subscription, index) =>
    index < maxFiltersPerSubscribe
      ? checkSubscription(subscription, { identifier, session, limits })
      : refuse(session.version, Reason.quotaExceeded),
  );
  const denied = requests.flatMap((request) => ('denied' in request ? [request.denied] : []));
  return [
    ...denied.map((topic) => ({ do: 'deny', action: 'subscribe', topic }) as const),
    { do: 'subscribe', packetId: packet.messageId, requests: requests.map(withoutDenied) },
  ];
}

/** `denied` is the filter of an entry that was refused because the client is not authorized. */
type RequestResult = SubscriptionRequest | RefusedRequest | (RefusedRequest & { readonly denied: string });

function withoutDenied(result: RequestResult): SubscriptionRequest | RefusedRequest {
  return 'denied' in result ? { refused: result.refused } : result;
}

type Subscriber = Pick<SessionView, 'version' | 'permissions'>;

interface CheckOptions {
  readonly identifier: number | undefined;
  readonly session: Subscriber;
  readonly limits: SubscriptionLimits;
}

function checkSubscription(
  subscription: Subscription,
  { identifier, session: { version, permissions }, limits }: CheckOptions,
): RequestResult {
  const { topic, qos, nl, rap, rh } = subscription;
  const name = subscriptionName(topic, version);
  // A share of a share, or a share without a name or filter. As an ordinary filter it would never match a topic.
  if (isShared(name.filter)) return refuse(version, Reason.topicFilterInvalid);
  if (isTooComplex(name.filter, limits) || isTooLong(topic)) return refuse(version, Reason.quotaExceeded);
  if (limits.refusedFilters.some((outer) => covers(outer, name.filter)))
    return refuse(version, Reason.unspecifiedError);
  const maxQos = permissions.subscribeQos(name.filter);
  if (maxQos === undefined) return { ...refuse(version, Reason.notAuthorized), denied: topic };
  return {
    ...name,
    qos: Math.min(qos, maxQos) as QoS, // the server may grant less, section 3.8.4
    ...(nl && { noLocal: true }),
    ...(rap && { retainAsPublished: true }),
    ...(rh && { retainHandling: rh }),
    ...(identifier !== undefined && { identifier }),
  };
}

function isTooComplex(filter: string, { maxWildcards, maxLevels }: SubscriptionLimits): boolean {
  return (maxWildcards > 0 && countWildcards(filter) > maxWildcards) || levels(filter).length > maxLevels;
}

function isTooLong(topic: string): boolean {
  return 6 * topic.length > maxFilterJsonBytes && asciiJson(topic).length > maxFilterJsonBytes;
}

/** Refuses an entry. MQTT 3.1.1 has one code for every refusal [v3 MQTT-3.9.3-2]. */
function refuse(version: number, reason: number): RefusedRequest {
  return { refused: version === 5 ? reason : subscriptionFailure };
}
