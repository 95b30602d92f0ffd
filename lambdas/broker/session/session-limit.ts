import { accountOf, type Identity } from '../../access/identity';
import type { Settings } from '../../settings';
import { LruMap } from '../../shared/lru-map';
import { inParallel } from '../../shared/parallel';
import type { SessionItem } from '../model/session';
import type { Ports } from '../ports/ports';

/** Rows removed at the same time. */
const parallelRows = 25;

/** Milliseconds for which a container does not examine again the sessions of an account that has too many. */
const examinedFor = 60_000;

/** Time of the last examination of an account's sessions by this container, in milliseconds since 1970. */
const examined = new LruMap<string, number>({ maxSize: 1000 });

/** Whose sessions are counted together: a user's, those of a subject of tokens, or those of anonymous clients from one address. */
export function quotaOf(identity: Identity, address: string): string {
  const account = accountOf(identity);
  return identity.kind === 'anonymous' ? `${account}#${networkOf(address)}` : account;
}

/** One subscriber has at least a /64 of IPv6. */
function networkOf(address: string): string {
  return address.includes(':') ? address.split(':').slice(0, 4).join(':') : address;
}

/**
 * Counts a new session that outlives its connection; false when its account has too many. The row is written after the head of the
 * session, which names the account, and removed before it: a worker that dies in between leaves no row without a session.
 */
export async function countSession(
  ports: Ports,
  { maxSessionsPerUser }: Pick<Settings, 'maxSessionsPerUser'>,
  quota: string,
  clientId: string,
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

/** The session is no more, or counts for another account. */
export async function uncountSession(
  ports: Ports,
  { clientId, quota }: Pick<SessionItem, 'clientId' | 'quota'>,
): Promise<void> {
  if (quota !== undefined) await ports.accountSessions.remove(quota, clientId);
}

/** Removes rows of sessions that are no more; returns how many are left. */
async function examine(ports: Ports, quota: string, clientIds: readonly string[]): Promise<number> {
  const now = ports.now();
  if (now - (examined.get(quota) ?? Number.NEGATIVE_INFINITY) < examinedFor) return clientIds.length;
  examined.set(quota, now);
  const heads = await ports.sessions.readMany(clientIds);
  const gone = clientIds.filter((clientId) => {
    const head = heads.get(clientId);
    return head?.quota !== quota || !head.persistent || (head.expiresAt !== undefined && head.expiresAt <= now);
  });
  await inParallel(gone, parallelRows, (clientId) => ports.accountSessions.remove(quota, clientId));
  return clientIds.length - gone.length;
}
