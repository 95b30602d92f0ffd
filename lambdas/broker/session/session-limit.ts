import { accountOf, type Identity } from '../../access/identity';
import { LruMap } from '../../shared/lru-map';
import { inParallel } from '../../shared/parallel';
import type { SessionItem } from '../model/session';
import type { Ports } from '../ports/ports';

/** Rows removed at the same time. */
const parallelRows = 25;

/** Milliseconds after which a container examines the sessions of an account with too many again. */
const examinedFor = 60_000;

/** Time of the last examination of an account's sessions by this container, in milliseconds since 1970. */
const examined = new LruMap<string, number>({ maxSize: 1000 });

/**
 * Returns the account that sessions are counted for: a user, the subject of a token, or all anonymous clients of one source address.
 */
export function quotaOf(identity: Identity, address: string): string {
  const account = accountOf(identity);
  return identity.kind === 'anonymous' ? `${account}#${networkOf(address)}` : account;
}

/** Returns the network of one subscriber: an IPv4 address, or a /64 of IPv6. */
function networkOf(address: string): string {
  return address.includes(':') ? address.split(':').slice(0, 4).join(':') : address;
}

/**
 * Counts a new session that outlives its connection. Returns false if its account has as many as it may have. The row is written after
 * the session item, which names the account, and removed before it: a worker that dies in between leaves no row without a session.
 */
export async function countSession(
  ports: Ports,
  { quota, clientId }: { readonly quota: string; readonly clientId: string },
  maxSessionsPerUser: number,
): Promise<boolean> {
  const clientIds = await ports.accountSessions.add(quota, clientId);
  if (clientIds.length <= maxSessionsPerUser) return true;
  const others = clientIds.filter((other) => other !== clientId);
  if (others.length < clientIds.length && (await examine(ports, quota, others)) < maxSessionsPerUser) return true;
  await ports.accountSessions.remove(quota, clientId);
  ports.log('limit', { limit: 'sessions of a user', username: quota, clientId, allowed: maxSessionsPerUser });
  ports.metrics.count('LimitsReached');
  return false;
}

/** Stops counting a session that has ended, or that counts for another account now. */
export async function uncountSession(
  ports: Ports,
  { clientId, quota }: Pick<SessionItem, 'clientId' | 'quota'>,
): Promise<void> {
  if (quota !== undefined) await ports.accountSessions.remove(quota, clientId);
}

/** Removes rows of sessions that have ended. Returns how many are left. */
async function examine(ports: Ports, quota: string, clientIds: readonly string[]): Promise<number> {
  const now = ports.now();
  if (now - (examined.get(quota) ?? Number.NEGATIVE_INFINITY) < examinedFor) return clientIds.length;
  examined.set(quota, now);
  const items = await ports.sessions.readMany(clientIds);
  const gone = clientIds.filter((clientId) => {
    const item = items.get(clientId);
    return item?.quota !== quota || !item.persistent || (item.expiresAt !== undefined && item.expiresAt <= now);
  });
  await inParallel(gone, parallelRows, (clientId) => ports.accountSessions.remove(quota, clientId));
  return clientIds.length - gone.length;
}
