import type { Identity } from './identity';

/**
 * One way of enhanced authentication, MQTT 5.0 section 4.12. An exchange may be spread over invocations and containers, so a
 * method keeps nothing itself: what it has to remember between two packets it returns as `state`. Each call may be made twice
 * with the same input.
 */
export interface AuthenticationMethod {
  /** Authentication Method of CONNECT and AUTH; case counts. */
  readonly name: string;
  /** The client begins: with CONNECT, or with AUTH to authenticate anew. `data` is its Authentication Data. */
  begin(data: Buffer | undefined, peer: Peer): Promise<Step>;
  /** The client goes on, `state` is what the last step returned. */
  proceed(state: string, data: Buffer | undefined, peer: Peer): Promise<Step>;
}

/** Who is asking. */
export interface Peer {
  readonly clientId: string;
  /** Address of the client as the gateway saw it; empty when unknown. */
  readonly address: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export type Step =
  /** The client has to answer `data`. */
  | { readonly next: 'continue'; readonly data?: Buffer; readonly state: string }
  /** It is who it says. `data` goes along with CONNACK or AUTH. */
  | { readonly next: 'admit'; readonly identity: Identity; readonly data?: Buffer }
  /** `reason` of section 2.4; `why` is for the audit log and never holds a secret. */
  | { readonly next: 'refuse'; readonly reason: number; readonly why: string };
