import type { ProtocolVersion } from './packets';
import type { Permissions } from './permissions';

/** Facts about the connection that packet handlers depend on, known once CONNECT has been accepted. */
export interface SessionView {
  readonly clientId: string;
  readonly version: ProtocolVersion;
  /** Session Expiry Interval in seconds. */
  readonly sessionExpiry: number;
  readonly permissions: Permissions;
  /** Absent if CONNECT had no Authentication Method. */
  readonly authentication?: Authentication;
}

/** State of the enhanced authentication of a connection, section 4.12. */
export interface Authentication {
  readonly method: string;
  /** True while an exchange of AUTH packets is in progress and the client has to respond. */
  readonly isPending: boolean;
}
