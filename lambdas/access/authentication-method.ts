import type { Identity } from './identity';

/**
 * A method of enhanced authentication (MQTT 5.0 section 4.12). The packets of an exchange may reach different containers, so a
 * method keeps no state itself: it returns as `state` what it needs at the next packet. Each call may be repeated with the same
 * input.
 */
export interface AuthenticationMethod {
  /** Authentication Method of CONNECT and AUTH; case-sensitive. */
  readonly name: string;
  /** Starts an exchange, with CONNECT or for a re-authentication. `data` is the Authentication Data of the packet. */
  begin(data: Buffer | undefined, peer: Peer): Promise<Step>;
  /** Continues an exchange with the `state` of its last step. */
  proceed(state: string, data: Buffer | undefined, peer: Peer): Promise<Step>;
}

/** The client that authenticates. */
export interface Peer {
  readonly clientId: string;
  /** Address of the client as API Gateway reports it; empty if unknown. */
  readonly address: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export type Step =
  /** The client has to respond to `data`. */
  | { readonly next: 'continue'; readonly data?: Buffer; readonly state: string }
  /** The client has proved its identity. CONNACK or AUTH carry `data`. */
  | { readonly next: 'accept'; readonly identity: Identity; readonly data?: Buffer }
  /** `reason` is a Reason Code (section 2.4); `why` goes to the audit log and contains no secret. */
  | { readonly next: 'refuse'; readonly reason: number; readonly why: string };
