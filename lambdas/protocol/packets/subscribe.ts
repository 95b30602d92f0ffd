import { asciiJson } from '../ascii-json';
import type { Effect, RefusedRequest, SubscriptionRequest } from '../effects';
import { maxFilterJsonBytes } from '../limits';
import type { QoS, SubscribePacket, Subscription } from '../packets';
import { Reason, subscriptionFailure } from '../reason-codes';
import type { SessionView } from '../session-view';
import { subscriptionName } from '../subscription-name';
import { levels } from '../topic';
import { countWildcards, covers, isShared } from '../topic-filter';

/** Each filter costs two writes; as many as fit into one packet would outlast an invocation. */
const filtersPerSubscribe = 1000;

/** What nobody may subscribe to, whoever asks. */
export interface SubscriptionLimits {
  /** Wildcards in one topic filter; 0 is any number. */
  readonly maxWildcards: number;
  /** Levels of one topic filter. */
  readonly maxLevels: number;
  /** Filters that are refused, with all that they cover. */
  readonly refusedFilters: readonly string[];
}

/** SUBSCRIBE, section 3.8. Every entry gets its own answer, in the order asked for [v3 MQTT-3.8.4-4] [v3 MQTT-3.8.4-5]. */
export function handleSubscribe(packet: SubscribePacket, session: Subscribing, limits: SubscriptionLimits): Effect[] {
  const identifier = packet.properties?.subscriptionIdentifier;
  const requests = packet.subscriptions.map((subscription, index) =>
    index < filtersPerSubscribe
      ? checkSubscription(subscription, identifier, session, limits)
      : refuse(session.version, Reason.quotaExceeded),
  );
  const denied = requests.flatMap((request) => ('denied' in request ? [request.denied] : []));
  return [
    ...denied.map((topic) => ({ do: 'deny', action: 'subscribe', topic }) as const),
    { do: 'subscribe', packetId: packet.messageId, requests: requests.map(withoutDenied) },
  ];
}

/** A refusal for lack of permission is noted besides. */
type RequestResult = SubscriptionRequest | RefusedRequest | (RefusedRequest & { readonly denied: string });

function withoutDenied(judgement: RequestResult): SubscriptionRequest | RefusedRequest {
  return 'denied' in judgement ? { refused: judgement.refused } : judgement;
}

type Subscribing = Pick<SessionView, 'version' | 'permissions'>;

function checkSubscription(
  subscription: Subscription,
  identifier: number | undefined,
  { version, permissions }: Subscribing,
  limits: SubscriptionLimits,
): RequestResult {
  const { topic, qos, nl, rap, rh } = subscription;
  const name = subscriptionName(topic, version);
  // A share of a share, or what lacks a share name or a filter: granted as an ordinary filter it would never hear anything.
  if (isShared(name.filter)) return refuse(version, Reason.topicFilterInvalid);
  if (isTooComplex(name.filter, limits) || isTooLong(topic)) return refuse(version, Reason.quotaExceeded);
  if (limits.refusedFilters.some((outer) => covers(outer, name.filter)))
    return refuse(version, Reason.unspecifiedError);
  const highest = permissions.subscribeQos(name.filter);
  if (highest === undefined) return { ...refuse(version, Reason.notAuthorized), denied: topic };
  return {
    ...name,
    qos: Math.min(qos, highest) as QoS, // the server may grant less, section 3.8.4
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

/** MQTT 3.1.1 has one code for every refusal [v3 MQTT-3.9.3-2]. */
function refuse(version: number, reason: number): RefusedRequest {
  return { refused: version === 5 ? reason : subscriptionFailure };
}
