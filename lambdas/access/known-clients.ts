import { createHash } from 'node:crypto';
import type { ClientChange, KnownClient } from './logins';

/** Milliseconds that a client id stays known after a login. */
const lifetime = 30 * 24 * 3600_000;

/** Milliseconds after which a login is noted anew: one write a day, however often a client logs in. */
const renewal = 24 * 3600_000;

/** Client ids that are known of one user name and one address; a row of so many fits into one read unit. */
const mostClients = 32;

/** Characters of a key: 66 bits, so nobody finds a client id with the key of another. */
const keyLength = 11;

type Clients = ReadonlyMap<string, KnownClient>;

/** A client id as it is kept: of the same length for all. */
export function clientKeyOf(clientId: string): string {
  return createHash('sha256').update(clientId).digest('base64url').slice(0, keyLength);
}

/** Whether a client id has logged in lately. */
export function isKnown(client: KnownClient | undefined, now: number): client is KnownClient {
  return client !== undefined && now - client.loggedInAt < lifetime;
}

/** Whether any client id has. */
export function hasKnown(clients: Clients, now: number): boolean {
  return [...clients.values()].some((client) => isKnown(client, now));
}

/** When the last of them is forgotten, milliseconds since 1970; 0 when there is none. */
export function knownUntil(clients: Clients): number {
  return Math.max(0, ...[...clients.values()].map(({ loggedInAt }) => loggedInAt + lifetime));
}

/**
 * What to write after a client has logged in; undefined when nothing. Where there is no place left, the client that logged in
 * the longest ago makes room, if that was more than a day ago: a user whose clients choose new ids each time causes no more writes
 * than one whose clients keep theirs.
 */
export function changeBy(key: string, clients: Clients, now: number): ClientChange | undefined {
  const known = clients.get(key);
  const isNoted = known !== undefined && now - known.loggedInAt < renewal && known.failures.count === 0;
  if (isNoted) return undefined;
  const others = [...clients].filter(([each]) => each !== key).sort(([, a], [, b]) => b.loggedInAt - a.loggedInAt);
  const kept = others.filter(([, client]) => isKnown(client, now)).slice(0, mostClients - 1);
  const forgotten = others.filter((entry) => !kept.includes(entry));
  if (forgotten.some(([, { loggedInAt }]) => now - loggedInAt < renewal)) return undefined;
  return { known: key, forgotten: forgotten.map(([each]) => each), expiresAt: now + lifetime };
}
