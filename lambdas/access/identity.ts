import type { IdentityKind, Rule } from './rule';

/** Proved identity of a client. It is stored with the connection and with the session, so it is small and contains no secret. */
export interface Identity {
  readonly kind: IdentityKind;
  /** Name of the user, or subject of the token; absent for anonymous clients. */
  readonly username?: string;
  /** Issuer of the token. Two issuers may use the same name for different subjects. */
  readonly issuer?: string;
  /** Claims of the token that rules refer to, as text. */
  readonly claims?: Readonly<Record<string, string>>;
  /** The only client id that the identity may use. */
  readonly clientId?: string;
  /** Prefix of every client id that the identity may use. */
  readonly clientIdPrefix?: string;
  /** Rules in the token. */
  readonly rules?: readonly Rule[];
  /** Expiry of the proof, milliseconds since 1970; absent if it never expires. */
  readonly expiresAt?: number;
}

/** Client ids that an account or identity may use; any if both are absent. */
export type ClientIdBinding = Pick<Identity, 'clientId' | 'clientIdPrefix'>;

export function allowsClientId({ clientId, clientIdPrefix = '' }: ClientIdBinding, requested: string): boolean {
  return (clientId === undefined || clientId === requested) && requested.startsWith(clientIdPrefix);
}

/** Returns the key of the account that owns a session. It does not depend on the permissions of the identity. */
export function accountOf({ kind, issuer, username }: Identity): string {
  return kind === 'token' ? `token#${issuer}#${username}` : kind === 'user' ? `user#${username}` : 'anonymous';
}
