import { isSessionExpired } from '../broker/expiry/expired-session';
import { timeOf } from '../broker/model/fence';
import type { SessionItem } from '../broker/model/session';
import type { Subscriber } from '../broker/model/subscription';
import type { ClientJson, SubscriptionJson } from './schemas';

/** Describes a client for backends, without claims and rules of its token. `now` in milliseconds since 1970. */
export function clientJson(item: SessionItem, now: number): ClientJson {
  const { clientId, owner, fence, leftAt, version, identity, persistent, expiresAt } = item;
  const { kind, username, issuer } = identity;
  const since = owner === undefined ? leftAt : timeOf(fence);
  return {
    clientId,
    connected: owner !== undefined,
    ...(since !== undefined && { since: isoTime(since) }),
    version,
    identity: { kind, ...(username !== undefined && { username }), ...(issuer !== undefined && { issuer }) },
    persistent,
    ...(expiresAt !== undefined && { sessionEndsAt: isoTime(expiresAt) }),
    ...(isSessionExpired(item, now) && { over: true }),
  };
}

export function subscriptionJson({
  filter,
  share,
  qos,
  noLocal = false,
  retainAsPublished = false,
  identifiers,
}: Subscriber): SubscriptionJson {
  const [identifier] = identifiers ?? [];
  return {
    filter,
    ...(share !== undefined && { share }),
    qos,
    noLocal,
    retainAsPublished,
    ...(identifier !== undefined && { identifier }),
  };
}

function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
