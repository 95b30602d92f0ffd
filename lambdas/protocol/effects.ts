import type { ConnackProperties, MessageProperties, ProtocolVersion, QoS, ServerPacket } from './packets';

/** An Application Message: what a publisher says, free of packet ids and of the connection it came by. */
export interface Message {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: QoS;
  readonly retain: boolean;
  /** Client id of its publisher, whom a subscription with No Local spares. */
  readonly publisher?: string;
  /** When nobody may hear it any more, milliseconds since 1970. */
  readonly expiresAt?: number;
  readonly properties?: ForwardedProperties;
  /** It came from another broker, and never goes back there. */
  readonly origin?: 'bridge';
}

/** What its publisher said about a message, passed on as it is [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-17]. */
export type ForwardedProperties = Omit<MessageProperties, 'messageExpiryInterval'>;

/** The message to be published when a client is lost. */
export interface Will {
  readonly message: Message;
  /** Seconds between the end of the connection and its publication. */
  readonly delay: number;
  /** Seconds from its publication until it expires. */
  readonly expiry?: number;
}

/** What an entry of SUBSCRIBE or UNSUBSCRIBE names. */
export interface SubscriptionName {
  /** As the client said it. */
  readonly name: string;
  /** The topic filter, without the share. */
  readonly filter: string;
  /** ShareName of a shared subscription. */
  readonly share?: string;
}

/** One entry of a SUBSCRIBE that the rules of the protocol allow. */
export interface SubscriptionRequest extends SubscriptionName, SubscriptionOptions {}

export interface SubscriptionOptions {
  readonly qos: QoS;
  readonly noLocal?: boolean;
  readonly retainAsPublished?: boolean;
  /** 0 sends retained messages, 1 only for a new subscription, 2 never [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]. */
  readonly retainHandling?: 0 | 1 | 2;
  readonly identifier?: number;
}

/** One entry of a SUBSCRIBE that is refused: its SUBACK code, nothing else happens. */
export interface RefusedRequest {
  readonly refused: number;
}

/** What a CONNECT asks for, checked and normalized. */
export interface ConnectRequest {
  readonly clientId: string;
  readonly version: ProtocolVersion;
  /** The session begins anew, whatever was there. */
  readonly cleanStart: boolean;
  /** Seconds that the session outlives its connection; 0 not at all, `sessionForever` without end. */
  readonly sessionExpiry: number;
  /** Seconds; 0 turns the keep-alive off. */
  readonly keepAlive: number;
  readonly will?: Will;
  readonly username?: string;
  readonly password?: Buffer;
  /** The way of enhanced authentication that the client asks for, section 4.12. */
  readonly authentication?: AuthenticationRequest;
  readonly capabilities: ClientCapabilities;
  /** What CONNACK says besides, in MQTT 5.0. */
  readonly answer?: ConnackProperties;
}

/** What CONNECT or AUTH says of enhanced authentication. */
export interface AuthenticationRequest {
  readonly method: string;
  readonly data?: Buffer;
}

/** Session Expiry Interval of a session that never expires. */
export const sessionForever = 0xffff_ffff;

/** What a client can take; what is absent is not limited. */
export interface ClientCapabilities {
  /** QoS 1 and 2 messages it takes at a time. */
  readonly receiveMaximum?: number;
  /** Bytes. */
  readonly maximumPacketSize?: number;
  readonly topicAliasMaximum?: number;
  /** It does not want reason strings but where they matter most [MQTT-3.1.2-29]. */
  readonly noProblemInformation?: boolean;
}

/**
 * What a packet handler may ask for. Handlers are pure and only return these; the shell in `broker/` runs them, in order,
 * everything durable first. Each effect is safe to run twice.
 */
export type Effect =
  /** Send a packet to this client, once all that the same turn promises is durable. */
  | { readonly do: 'send'; readonly packet: ServerPacket }
  /** Let the client in or not; then claim the session and answer CONNACK. Who it is and whether a session is present only the shell can know. */
  | { readonly do: 'connect'; readonly request: ConnectRequest }
  /** AUTH: the client goes on with its authentication, or begins it anew. */
  | { readonly do: 'authenticate'; readonly anew: boolean; readonly data?: Buffer }
  /** PUBACK or PUBREC, once the message is owned; in MQTT 5.0 it tells when nobody subscribed to the topic. */
  | {
      readonly do: 'acknowledge';
      readonly cmd: 'puback' | 'pubrec';
      readonly packetId: number;
      readonly topic: string;
    }
  /** The client asked for what it may not do; it is noted, and what it hears is said by other effects. */
  | { readonly do: 'deny'; readonly action: 'publish' | 'subscribe'; readonly topic: string }
  /** Take ownership of a QoS 0 or 1 message: update the retained copy, then deliver it onward. */
  | { readonly do: 'accept'; readonly message: Message }
  /** Keep an incoming QoS 2 message under its packet id until PUBREL. */
  | { readonly do: 'hold'; readonly packetId: number; readonly message: Message }
  /** PUBREL: take ownership of the held message, if there is one, then forget it and answer PUBCOMP. */
  | { readonly do: 'release'; readonly packetId: number }
  /** PUBACK: the outgoing QoS 1 message is done. */
  | { readonly do: 'acknowledged'; readonly packetId: number }
  /** PUBREC: the outgoing QoS 2 message has arrived; from now on only PUBREL is sent for it, now at first. */
  | { readonly do: 'received'; readonly packetId: number }
  /** PUBREC with an error: the client does not want the outgoing QoS 2 message, which is done. */
  | { readonly do: 'rejected'; readonly packetId: number }
  /** PUBCOMP: the outgoing QoS 2 message is done. */
  | { readonly do: 'completed'; readonly packetId: number }
  /** Write the subscriptions, answer SUBACK, then send the retained messages that match. */
  | {
      readonly do: 'subscribe';
      readonly packetId: number;
      readonly requests: readonly (SubscriptionRequest | RefusedRequest)[];
    }
  /** Remove the subscriptions and answer UNSUBACK. */
  | { readonly do: 'unsubscribe'; readonly packetId: number; readonly names: readonly SubscriptionName[] }
  /**
   * The client said DISCONNECT: the connection ends, its will is discarded unless it is asked for, and the session outlives it
   * by `sessionExpiry` seconds if that is said anew.
   */
  | { readonly do: 'disconnect'; readonly withWill: boolean; readonly sessionExpiry?: number };
