import type { MessageProperties } from './message-log';

export type Qos = 0 | 1 | 2;

/** Credentials of a connect request. */
export type Login =
  | { readonly kind: 'none' }
  | { readonly kind: 'user'; readonly username: string; readonly password: string }
  | { readonly kind: 'token'; readonly token: string };

/** Input of the connection form. */
export interface ConnectRequest {
  /** `ws://` or `wss://` address. */
  readonly address: string;
  readonly clientId: string;
  /** Protocol version: 4 is MQTT 3.1.1, 5 is MQTT 5.0. */
  readonly version: 4 | 5;
  readonly login: Login;
  /** Keep-alive in seconds. */
  readonly keepAlive: number;
  readonly clean: boolean;
  /** Session Expiry Interval in seconds; MQTT 5.0 only. */
  readonly sessionExpiry: number;
  readonly will?: Will;
}

export interface Will {
  readonly topic: string;
  readonly payload: string;
  readonly qos: Qos;
  readonly retain: boolean;
  /** Will Delay Interval in seconds; MQTT 5.0 only. */
  readonly delay: number;
}

/** Input of the subscription form. */
export interface SubscribeRequest {
  readonly filter: string;
  readonly qos: Qos;
  /** MQTT 5.0 only. */
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: 0 | 1 | 2;
}

/** Checked input of the publish form. */
export interface PublishRequest {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: Qos;
  readonly retain: boolean;
  /** MQTT 5.0 only. */
  readonly properties: MessageProperties;
}
