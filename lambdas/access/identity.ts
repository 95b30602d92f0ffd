import type { IdentityKind, Rule } from './rule';

/** Who a client has proved to be. It is kept with the connection and with the session, so it is small and has no secrets. */
export interface Identity {
  readonly kind: IdentityKind;
  /** Of a user its name, of a token the claim that names its subject; absent when anonymous. */
  readonly username?: string;
  /** Of a token: who issued it. Two issuers may give the same name to different subjects. */
  readonly issuer?: string;
  /** Claims of a token that the rules refer to, as text. */
  readonly claims?: Readonly<Record<string, string>>;
  /** The only client id it is good for. */
  readonly clientId?: string;
  /** What every client id that it is good for begins with. */
  readonly clientIdPrefix?: string;
  /** Rules that the token itself carries. */
  readonly rules?: readonly Rule[];
  /** When it is no longer proved, milliseconds since 1970; absent when never. */
  readonly expiresAt?: number;
}

/** Which client ids somebody may use; any when neither is given. */
export type ClientIdBinding = Pick<Identity, 'clientId' | 'clientIdPrefix'>;

export function isGoodFor({ clientId, clientIdPrefix = '' }: ClientIdBinding, asked: string): boolean {
  return (clientId === undefined || clientId === asked) && asked.startsWith(clientIdPrefix);
}

/** The same for the same person or thing, whatever it may do at the moment: sessions belong to it. */
export function accountOf({ kind, issuer, username }: Identity): string {
  return kind === 'token' ? `token#${issuer}#${username}` : kind === 'user' ? `user#${username}` : 'anonymous';
}
