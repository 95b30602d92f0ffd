import { createHash } from 'node:crypto';
import type { ClientChange, KnownClient } from './logins';

/** Milliseconds that a client id stays known after a login. */
const knownFor = 30 * 24 * 3600_000;

/** Milliseconds until a login of a known client is written again: one write a day, however often it logs in. */
const renewalInterval = 24 * 3600_000;

/** Maximum number of known clients of one user name and one address; a row with so many fits into one read unit. */
const maxClients = 32;

/** Length of a key in characters: 66 bits, so nobody finds a client id with the key of another. */
const keyLength = 11;

type Clients = ReadonlyMap<string, KnownClient>;

/** Returns the key under which a client id is stored; all keys have the same length. */
export function clientKeyOf(clientId: string): string {
  return createHash('sha256').update(clientId).digest('base64url').slice(0, keyLength);
}

/** Checks whether a client id has logged in recently. `now` in milliseconds since 1970. */
export function isKnown(client: KnownClient | undefined, now: number): client is KnownClient {
  return client !== undefined && now - client.loggedInAt < knownFor;
}

/** Checks whether any client id has logged in recently. `now` in milliseconds since 1970. */
export function hasKnown(clients: Clients, now: number): boolean {
  return [...clients.values()].some((client) => isKnown(client, now));
}

/** Returns when the last client is no longer known, milliseconds since 1970; 0 if there is none. */
export function knownUntil(clients: Clients): number {
  return Math.max(0, ...[...clients.values()].map(({ loggedInAt }) => loggedInAt + knownFor));
}

/**
 * Returns what to write after a login of a client; undefined if there is nothing to write. If the maximum is reached, the client
 * with the oldest login is replaced, but only if that login was more than a day ago: so a user whose clients choose new ids each
 * time causes no more writes than one whose clients keep theirs.
 */
export function changeAfterLogin(key: string, clients: Clients, now: number): ClientChange | undefined {
  const known = clients.get(key);
  const isUpToDate = known !== undefined && now - known.loggedInAt < renewalInterval && known.failures.count === 0;
  if (isUpToDate) return undefined;
  const others = [...clients].filter(([each]) => each !== key).sort(([, a], [, b]) => b.loggedInAt - a.loggedInAt);
  const kept = others.filter(([, client]) => isKnown(client, now)).slice(0, maxClients - 1);
  const forgotten = others.filter((entry) => !kept.includes(entry));
  if (forgotten.some(([, { loggedInAt }]) => now - loggedInAt < renewalInterval)) return undefined;
  return { known: key, forgotten: forgotten.map(([each]) => each), expiresAt: now + knownFor };
}
