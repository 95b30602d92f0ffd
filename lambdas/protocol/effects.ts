import type { ConnackProperties, MessageProperties, ProtocolVersion, QoS, ServerPacket } from './packets';

/** An Application Message, independent of packet identifiers and of the connection that published it. */
export interface Message {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: QoS;
  readonly retain: boolean;
  /** Client id of the publisher. Subscriptions of this client with No Local do not receive the message. */
  readonly publisher?: string;
  /** Expiry time in milliseconds since 1970; absent if the message never expires. */
  readonly expiresAt?: number;
  readonly properties?: ForwardedProperties;
  /** The message came over the bridge from AWS IoT Core and is never forwarded back there. */
  readonly origin?: 'bridge';
}

/** Properties of a PUBLISH that the server forwards unaltered [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-17]. */
export type ForwardedProperties = Omit<MessageProperties, 'messageExpiryInterval'>;

/** Will Message of a connection. */
export interface Will {
  readonly message: Message;
  /** Will Delay Interval in seconds, from the end of the connection to the publication. */
  readonly delay: number;
  /** Message Expiry Interval in seconds, counted from the publication. */
  readonly expiry?: number;
}

/** A topic filter of SUBSCRIBE or UNSUBSCRIBE, split into its parts. */
export interface SubscriptionName {
  /** The full filter as the client sent it, for example `$share/group/a/#`. */
  readonly name: string;
  /** The filter without `$share/{ShareName}/`. */
  readonly filter: string;
  /** ShareName; absent if the subscription is not shared. */
  readonly share?: string;
}

/** One entry of a SUBSCRIBE that the broker accepts. */
export interface SubscriptionRequest extends SubscriptionName, SubscriptionOptions {}

export interface SubscriptionOptions {
  readonly qos: QoS;
  readonly noLocal?: boolean;
  readonly retainAsPublished?: boolean;
  /** 0 sends retained messages, 1 sends them only for a new subscription, 2 never [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]. */
  readonly retainHandling?: 0 | 1 | 2;
  readonly identifier?: number;
}

/** One entry of a SUBSCRIBE that the broker refuses. Only its SUBACK code is sent. */
export interface RefusedRequest {
  /** SUBACK reason code. */
  readonly refused: number;
}

/** A CONNECT after validation, in one form for all protocol versions. */
export interface ConnectRequest {
  readonly clientId: string;
  readonly version: ProtocolVersion;
  /** Clean Start: an existing session is discarded. */
  readonly cleanStart: boolean;
  /** Session Expiry Interval in seconds; 0 ends the session with the connection, `sessionForever` keeps it without end. */
  readonly sessionExpiry: number;
  /** Keep Alive in seconds; 0 disables it. */
  readonly keepAlive: number;
  readonly will?: Will;
  readonly username?: string;
  readonly password?: Buffer;
  /** Present if the client asks for enhanced authentication, section 4.12. */
  readonly authentication?: AuthenticationRequest;
  readonly capabilities: ClientCapabilities;
  /** Properties of the CONNACK; present if and only if the client uses MQTT 5.0. */
  readonly connackProperties?: ConnackProperties;
}

/** Authentication Method and Authentication Data of CONNECT or AUTH. */
export interface AuthenticationRequest {
  readonly method: string;
  readonly data?: Buffer;
}

/** Session Expiry Interval of a session that never expires. */
export const sessionForever = 0xffff_ffff;

/** Limits that a client announced in CONNECT. An absent field means no limit. */
export interface ClientCapabilities {
  /** QoS 1 and QoS 2 messages that the client processes concurrently. */
  readonly receiveMaximum?: number;
  /** Maximum Packet Size in bytes. */
  readonly maximumPacketSize?: number;
  readonly topicAliasMaximum?: number;
  /** Request Problem Information is 0: no Reason String or User Properties except in PUBLISH, CONNACK and DISCONNECT [MQTT-3.1.2-29]. */
  readonly noProblemInformation?: boolean;
}

/**
 * An action that a packet handler requests. Handlers are pure and only return effects. `broker/turn` runs them in order and makes every
 * change durable before it sends anything. Each effect is safe to run twice.
 */
export type Effect =
  /** Send a packet to this client once all writes of the turn are durable. */
  | { readonly do: 'send'; readonly packet: ServerPacket }
  /** CONNECT received: authenticate the client, claim its session and send CONNACK. Identity and session are unknown to the handler. */
  | { readonly do: 'connect'; readonly request: ConnectRequest }
  /** AUTH received: continue the authentication exchange, or start a re-authentication. */
  | { readonly do: 'authenticate'; readonly isReauthentication: boolean; readonly data?: Buffer }
  /** Send PUBACK or PUBREC once the message is durable. In MQTT 5.0 its reason code says if the topic has no subscribers. */
  | {
      readonly do: 'acknowledge';
      readonly cmd: 'puback' | 'pubrec';
      readonly packetId: number;
      readonly topic: string;
    }
  /** Log a request that the client is not authorized for. Other effects send the response. */
  | { readonly do: 'deny'; readonly action: 'publish' | 'subscribe'; readonly topic: string }
  /** Accept ownership of a QoS 0 or QoS 1 message: update the retained message, then deliver it to the subscribers. */
  | { readonly do: 'accept'; readonly message: Message }
  /** Store an incoming QoS 2 message under its packet identifier until PUBREL. */
  | { readonly do: 'hold'; readonly packetId: number; readonly message: Message }
  /** PUBREL received: deliver the stored QoS 2 message if there is one, delete it and send PUBCOMP. */
  | { readonly do: 'release'; readonly packetId: number }
  /** PUBACK received: the outgoing QoS 1 message is complete. */
  | { readonly do: 'acknowledged'; readonly packetId: number }
  /** PUBREC received: send PUBREL for the outgoing QoS 2 message, now and after every reconnect, and never its PUBLISH again. */
  | { readonly do: 'received'; readonly packetId: number }
  /** PUBREC with a reason code of 0x80 or greater received: the outgoing QoS 2 message is complete without PUBREL. */
  | { readonly do: 'rejected'; readonly packetId: number }
  /** PUBCOMP received: the outgoing QoS 2 message is complete. */
  | { readonly do: 'completed'; readonly packetId: number }
  /** Store the subscriptions, send SUBACK, then send the matching retained messages. */
  | {
      readonly do: 'subscribe';
      readonly packetId: number;
      readonly requests: readonly (SubscriptionRequest | RefusedRequest)[];
    }
  /** Remove the subscriptions and send UNSUBACK. */
  | { readonly do: 'unsubscribe'; readonly packetId: number; readonly names: readonly SubscriptionName[] }
  /**
   * DISCONNECT received: end the connection. The will is discarded unless `withWill` is set. `sessionExpiry` in seconds replaces the
   * Session Expiry Interval of the CONNECT.
   */
  | { readonly do: 'disconnect'; readonly withWill: boolean; readonly sessionExpiry?: number };
