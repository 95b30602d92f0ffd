import type { QoS, ServerPacket } from './packets';

/** An Application Message: what a publisher says, free of packet ids and of the connection it came by. */
export interface Message {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: QoS;
  readonly retain: boolean;
}

/** One entry of a SUBSCRIBE that the rules of the protocol allow. */
export interface SubscriptionRequest {
  readonly filter: string;
  readonly qos: QoS;
}

/** One entry of a SUBSCRIBE that is refused: its SUBACK code, nothing else happens. */
export interface RefusedRequest {
  readonly filter: string;
  readonly refused: number;
}

/** What a CONNECT asks for, checked and normalized. */
export interface ConnectRequest {
  readonly clientId: string;
  /** 3 is MQTT 3.1, 4 is MQTT 3.1.1. */
  readonly version: number;
  readonly clean: boolean;
  /** Seconds; 0 turns the keep-alive off. */
  readonly keepAlive: number;
  readonly will?: Message;
  readonly username?: string;
}

/**
 * What a packet handler may ask for. Handlers are pure and only return these; the shell in `broker/` runs them, in order,
 * everything durable first. Each effect is safe to run twice.
 */
export type Effect =
  /** Send a packet to this client, once all that the same turn promises is durable. */
  | { readonly do: 'send'; readonly packet: ServerPacket }
  /** Claim the session and answer CONNACK; whether a session is present only the shell can know. */
  | { readonly do: 'open'; readonly request: ConnectRequest }
  /** Take ownership of a QoS 0 or 1 message: update the retained copy, then deliver it onward. */
  | { readonly do: 'accept'; readonly message: Message }
  /** Keep an incoming QoS 2 message under its packet id until PUBREL. */
  | { readonly do: 'hold'; readonly packetId: number; readonly message: Message }
  /** PUBREL: take ownership of the held message, if there is one, then forget it. */
  | { readonly do: 'release'; readonly packetId: number }
  /** PUBACK: the outgoing QoS 1 message is done. */
  | { readonly do: 'settle'; readonly packetId: number }
  /** PUBREC: the outgoing QoS 2 message has arrived; from now on only PUBREL is sent for it. */
  | { readonly do: 'markReceived'; readonly packetId: number }
  /** PUBCOMP: the outgoing QoS 2 message is done. */
  | { readonly do: 'complete'; readonly packetId: number }
  /** Write the subscriptions, answer SUBACK, then send the retained messages that match. */
  | {
      readonly do: 'subscribe';
      readonly packetId: number;
      readonly requests: readonly (SubscriptionRequest | RefusedRequest)[];
    }
  /** Remove the subscriptions and answer UNSUBACK. */
  | { readonly do: 'unsubscribe'; readonly packetId: number; readonly filters: readonly string[] }
  /** The client said DISCONNECT: its will is discarded and the connection ends. */
  | { readonly do: 'end' };
