import type { Identity } from './identity';

/**
 * Precedence of an identity for a client id, in ascending order: access was revoked; anonymous; authenticated; bound to a prefix of
 * the client id (a longer prefix is higher); bound to exactly this client id. Of two identities that use the same client id, the
 * one with the higher precedence gets it.
 */
export const precedences = { revoked: -1, anonymous: 0, authenticated: 1, exact: 1_000_000 } as const; // longer than any client id

export function precedenceOf({ kind, clientId, clientIdPrefix }: Identity, requested: string): number {
  if (kind === 'anonymous') return precedences.anonymous;
  if (clientId === requested) return precedences.exact;
  if (clientIdPrefix === undefined || !requested.startsWith(clientIdPrefix)) return precedences.authenticated;
  return prefixPrecedence(clientIdPrefix);
}

export function prefixPrecedence(prefix: string): number {
  return precedences.authenticated + prefix.length;
}
