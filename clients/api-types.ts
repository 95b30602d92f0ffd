/** A message to publish. */
export interface ApiMessage extends DirectMessage {
  /** True if the broker keeps it as the retained message of its topic; an empty payload removes that. */
  readonly retain?: boolean;
}

/** A message for one client. */
export interface DirectMessage {
  readonly topic: string;
  /** Text is sent as UTF-8. If absent the payload is empty. */
  readonly payload?: string | Uint8Array;
  /** 0 if absent. */
  readonly qos?: 0 | 1 | 2;
  /** True if the payload is UTF-8. */
  readonly payloadFormatIndicator?: boolean;
  /** Seconds after which the broker does not deliver the message any more. */
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

/**
 * The result of one message of a batch. `accepted`: the broker has stored it; `subscribers` is false if no subscription matches.
 * `refused`: MQTT does not allow it; the reason code is one of MQTT 5.0.
 */
export type PublishResult =
  | { readonly status: 'accepted'; readonly subscribers: boolean }
  | { readonly status: 'refused'; readonly reasonCode: number; readonly detail: string };

/** The result of a message for one client. `queued`: the client is not connected, and gets the message when it reconnects. */
export interface DirectResult {
  readonly status: 'sent' | 'queued';
}

/** A client that is connected or has a session. */
export interface ApiClient {
  readonly clientId: string;
  readonly connected: boolean;
  /** Time of the connect, or of the disconnect if the client is not connected; ISO 8601. */
  readonly since?: string;
  /** Protocol level: 3 for MQTT 3.1, 4 for 3.1.1, 5 for 5.0. */
  readonly version: 3 | 4 | 5;
  readonly identity: {
    readonly kind: 'anonymous' | 'user' | 'token';
    readonly username?: string;
    readonly issuer?: string;
  };
  /** True if the session outlives the connection. */
  readonly persistent: boolean;
  /** End of the session of a client that is not connected, ISO 8601; absent if it never ends. */
  readonly sessionEndsAt?: string;
  /** True if the session has ended and its items are about to be removed. */
  readonly over?: boolean;
}

/** A client with its queue and subscriptions. */
export interface ApiClientDetails extends ApiClient {
  /** Seconds; 0 if it is turned off. */
  readonly keepAlive?: number;
  /** Seconds; 4294967295 if the session never ends. */
  readonly sessionExpiryInterval?: number;
  readonly source?: { readonly address: string; readonly lastActiveAt?: string };
  /** Number of unacknowledged messages at QoS 1 and 2, sent or waiting. */
  readonly queued: number;
  /** The first 1,000 subscriptions. */
  readonly subscriptions: readonly ApiSubscription[];
  /** Number of all subscriptions. */
  readonly subscriptionCount: number;
}

export interface ApiSubscription {
  readonly filter: string;
  /** ShareName of a shared subscription. */
  readonly share?: string;
  readonly qos: 0 | 1 | 2;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  /** Subscription Identifier. */
  readonly identifier?: number;
}

/** A retained message without its payload. */
export interface RetainedSummary {
  readonly topic: string;
  readonly qos: 0 | 1 | 2;
  readonly payloadBytes: number;
  /** ISO 8601. */
  readonly expiresAt?: string;
}

/** A retained message. */
export interface RetainedMessage extends RetainedSummary {
  /** Payload in base64. */
  readonly payload: string;
  /** Payload as text, if it is UTF-8. */
  readonly text?: string;
  readonly payloadFormatIndicator?: boolean;
  readonly contentType?: string;
  readonly responseTopic?: string;
  /** Correlation data in base64. */
  readonly correlationData?: string;
  readonly userProperties?: readonly UserProperty[];
}

/** A page of a list. */
export interface Page<Entry> {
  readonly items: readonly Entry[];
  /** Cursor of the next page; absent on the last one. */
  readonly next?: string;
}

export interface PageOptions {
  /** Maximum number of entries; 100 by default, at most 500. */
  readonly limit?: number;
  /** `next` of the previous page. */
  readonly cursor?: string;
}
