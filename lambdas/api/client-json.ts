import { isSessionExpired } from '../broker/expiry/expired-session';
import { timeOf } from '../broker/model/fence';
import type { SessionItem } from '../broker/model/session';
import type { Subscriber } from '../broker/model/subscription';

/** A client as a backend reads it. Claims and rules of its token stay here. `now` in milliseconds since 1970. */
export function clientJson(head: SessionItem, now: number) {
  const { clientId, owner, fence, leftAt, version, identity, persistent, expiresAt } = head;
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
    ...(isSessionExpired(head, now) && { over: true }),
  };
}

export function subscriptionJson({
  filter,
  share,
  qos,
  noLocal = false,
  retainAsPublished = false,
  identifiers,
}: Subscriber) {
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
