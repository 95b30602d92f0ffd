import type { Permissions } from '../protocol/permissions';
import type { AuthenticationMethod, Peer } from './authentication-method';
import type { Identity } from './identity';

/** What a client without an authentication method shows to be let in. */
export interface Login extends Peer {
  readonly username?: string;
  readonly password?: Buffer;
  /** What its handshake has proved. */
  readonly proved?: Identity;
}

/** `refused` is a reason code of section 2.4; `why` is for the log and holds no secret. */
export type LoginResult = { readonly identity: Identity } | { readonly refused: number; readonly why: string };

/** Who may come in, and what each may do. */
export interface Access {
  authenticate(login: Login): Promise<LoginResult>;
  /** The method of enhanced authentication of this name, if it is configured. */
  method(name: string): AuthenticationMethod | undefined;
  /** What a client may do; `revoked` when whoever it is may not be here any more. At most half a minute old. */
  permissions(identity: Identity, clientId: string): Promise<Permissions | 'revoked'>;
  /** The same as it is now, read anew. */
  currentPermissions(identity: Identity, clientId: string): Promise<Permissions | 'revoked'>;
  /** The same when it is known without asking anybody. */
  remembered(identity: Identity, clientId: string): Permissions | 'revoked' | undefined;
  /**
   * Whether a client id is reserved for others than this identity. From now on it is reserved for an identity that is bound to it.
   */
  reserve(identity: Identity, clientId: string): Promise<'reserved' | 'usable'>;
  /**
   * How good the right of an identity to a client id is at the moment: of two that want the same client id the higher one gets it.
   * Negative when access was revoked.
   */
  precedence(identity: Identity, clientId: string): Promise<number>;
  /** How many clients of this user may be connected at a time; undefined is any number. Known once its permissions are. */
  connectionLimit(identity: Identity): number | undefined;
}
