import type { ProtocolVersion } from './packets';
import type { Permissions } from './permissions';

/** What a handler may know about the connection, once CONNECT was accepted. */
export interface SessionView {
  readonly clientId: string;
  readonly version: ProtocolVersion;
  /** Seconds that the session outlives its connection. */
  readonly sessionExpiry: number;
  readonly permissions: Permissions;
  /** Absent when CONNECT named no method. */
  readonly authentication?: Authentication;
}

/** Where the enhanced authentication of a connection stands, section 4.12. */
export interface Authentication {
  readonly method: string;
  /** An exchange goes on, and the client has to answer. */
  readonly isPending: boolean;
}
