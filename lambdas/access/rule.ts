import type { QoS } from '../protocol/packets';

export type Action = 'publish' | 'subscribe' | 'receive';

/** One line of what clients may do. What no rule allows is denied, and a rule that denies wins over all that allow. */
export interface Rule {
  /** What `explain` and the audit log call it; otherwise it is called by its source and position. */
  readonly name?: string;
  /** `allow` unless said otherwise. */
  readonly effect?: 'allow' | 'deny';
  /** `subscribe` includes `receive`: who may ask for something may hear it. */
  readonly actions: readonly Action[];
  /** Topic filters, in which `${clientId}`, `${username}` and `${claim.NAME}` stand for what is known of the client. */
  readonly topics: readonly string[];
  /** Highest QoS allowed. A rule that denies does so at every QoS, and has none. */
  readonly maxQos?: QoS;
  /** Whether messages may be published with the retain flag; they may unless this says false. */
  readonly retain?: boolean;
  /** Whom the rule concerns; everybody when absent, otherwise all that is given must hold. */
  readonly who?: {
    readonly kinds?: readonly IdentityKind[];
    readonly usernames?: readonly string[];
    readonly clientIds?: readonly string[];
  };
}

export type IdentityKind = 'anonymous' | 'user' | 'token';
