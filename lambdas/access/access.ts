import type { Permissions } from '../protocol/permissions';
import type { AuthenticationMethod, Peer } from './authentication-method';
import type { Identity } from './identity';

/** Credentials of a CONNECT without Authentication Method. */
export interface Login extends Peer {
  readonly username?: string;
  readonly password?: Buffer;
  /** Identity that the WebSocket handshake has proved. */
  readonly proved?: Identity;
}

/** `refused` is a Reason Code (section 2.4); `why` goes to the log and contains no secret. */
export type LoginResult = { readonly identity: Identity } | { readonly refused: number; readonly why: string };

/** Authenticates clients, and decides what each client may do. */
export interface Access {
  authenticate(login: Login): Promise<LoginResult>;
  /** Returns the method of enhanced authentication with this name, if it is configured. */
  method(name: string): AuthenticationMethod | undefined;
  /**
   * Returns what a client may do, from data that is at most 30 seconds old; `revoked` if its identity has lost its access.
   */
  permissions(identity: Identity, clientId: string): Promise<Permissions | 'revoked'>;
  /** Like `permissions`, from data that is read anew. */
  currentPermissions(identity: Identity, clientId: string): Promise<Permissions | 'revoked'>;
  /** Like `permissions`, but without any call; undefined if the data is not in the cache. */
  cachedPermissions(identity: Identity, clientId: string): Permissions | 'revoked' | undefined;
  /**
   * Checks whether a client id is reserved for another identity. An identity that is bound to the client id reserves it by this
   * call.
   */
  reserveClientId(identity: Identity, clientId: string): Promise<'reserved' | 'usable'>;
  /**
   * Returns the precedence of an identity for a client id (see `precedences`). Of two identities that use the same client id, the
   * one with the higher precedence gets it. Negative if access was revoked.
   */
  precedence(identity: Identity, clientId: string): Promise<number>;
  /** Returns the maximum number of connections of this user, once its permissions were read; undefined means no limit. */
  connectionLimit(identity: Identity): number | undefined;
}
