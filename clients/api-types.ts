/** A message to publish. Its payload is bytes, or text; neither is an empty payload. */
export interface ApiMessage extends DirectMessage {
  readonly retain?: boolean;
}

/** A message for one client. */
export interface DirectMessage {
  readonly topic: string;
  readonly payload?: string | Uint8Array;
  readonly qos?: 0 | 1 | 2;
  readonly payloadFormatIndicator?: boolean;
  /** Seconds. */
  readonly messageExpiryInterval?: number;
  readonly contentType?: string;
  readonly responseTopic?: string;
  readonly correlationData?: Uint8Array;
  readonly userProperties?: readonly UserProperty[];
}

export interface UserProperty {
  readonly name: string;
  readonly value: string;
}

/** `refused`: MQTT does not allow it; the reason code is one of MQTT 5.0. */
export type PublishResult =
  | { readonly status: 'accepted'; readonly subscribers: boolean }
  | { readonly status: 'refused'; readonly reasonCode: number; readonly detail: string };

/** `queued`: the client is away, and gets it when it returns. */
export interface DirectResult {
  readonly status: 'sent' | 'queued';
}

export interface ApiClient {
  readonly clientId: string;
  readonly connected: boolean;
  /** Since when it is connected, or away, ISO 8601. */
  readonly since?: string;
  /** 3 is MQTT 3.1, 4 is 3.1.1, 5 is 5.0. */
  readonly version: 3 | 4 | 5;
  readonly identity: {
    readonly kind: 'anonymous' | 'user' | 'token';
    readonly username?: string;
    readonly issuer?: string;
  };
  readonly persistent: boolean;
  readonly sessionEndsAt?: string;
  /** Nobody is connected and nobody can resume the session: a leftover that is about to be removed. */
  readonly over?: boolean;
}

export interface ApiClientDetails extends ApiClient {
  /** Seconds; 0 is off. */
  readonly keepAlive?: number;
  /** Seconds; 4294967295 is without end. */
  readonly sessionExpiryInterval?: number;
  readonly source?: { readonly address: string; readonly lastActiveAt?: string };
  /** Messages at QoS 1 and 2 that it has not acknowledged, sent or not. */
  readonly queued: number;
  /** The first 1,000. */
  readonly subscriptions: readonly ApiSubscription[];
  readonly subscriptionCount: number;
}

export interface ApiSubscription {
  readonly filter: string;
  readonly share?: string;
  readonly qos: 0 | 1 | 2;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly identifier?: number;
}

export interface RetainedSummary {
  readonly topic: string;
  readonly qos: 0 | 1 | 2;
  readonly payloadBytes: number;
  readonly expiresAt?: string;
}

export interface RetainedMessage extends RetainedSummary {
  /** Base64. */
  readonly payload: string;
  /** The payload where it is UTF-8. */
  readonly text?: string;
  readonly payloadFormatIndicator?: boolean;
  readonly contentType?: string;
  readonly responseTopic?: string;
  /** Base64. */
  readonly correlationData?: string;
  readonly userProperties?: readonly UserProperty[];
}

export interface Page<Entry> {
  readonly items: readonly Entry[];
  readonly next?: string;
}

export interface PageOptions {
  /** 100 unless said otherwise, 500 at most. */
  readonly limit?: number;
  readonly cursor?: string;
}
