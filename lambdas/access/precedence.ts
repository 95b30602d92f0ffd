import type { Identity } from './identity';

/**
 * How good the right of an identity to a client id is, as a number. Of two that want the same client id the higher one gets it:
 * somebody whose access was revoked, an anonymous client, one that has proved who it is, one that is bound to a prefix (the longer
 * the higher), one that is bound to exactly this client id.
 */
export const precedences = { revoked: -1, anonymous: 0, proved: 1, exact: 1_000_000 } as const; // no client id is that long

export function precedenceOf({ kind, clientId, clientIdPrefix }: Identity, asked: string): number {
  if (kind === 'anonymous') return precedences.anonymous;
  if (clientId === asked) return precedences.exact;
  if (clientIdPrefix === undefined || !asked.startsWith(clientIdPrefix)) return precedences.proved;
  return prefixPrecedence(clientIdPrefix);
}

export function prefixPrecedence(prefix: string): number {
  return precedences.proved + prefix.length;
}
