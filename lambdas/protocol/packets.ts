/*
 * The packets of MQTT 3.1, 3.1.1 and 5.0 as the codec reads and writes them. A field that a packet does not contain is absent.
 * `properties` exist only in MQTT 5.0, and are present if there is at least one. Field names follow the npm package mqtt-packet.
 */

export type QoS = 0 | 1 | 2;

/** Protocol levels: 3 is MQTT 3.1, 4 is MQTT 3.1.1, 5 is MQTT 5.0. */
export type ProtocolVersion = 3 | 4 | 5;

/** Pairs in the order of the packet. A name may occur more than once [MQTT-3.3.2-18]. */
export type UserProperties = readonly (readonly [name: string, value: string])[];

/** Every packet that a client may send. */
export type ClientPacket =
  | ConnectPacket
  | PublishPacket
  | AcknowledgementPacket
  | SubscribePacket
  | UnsubscribePacket
  | PingreqPacket
  | DisconnectPacket
  | AuthPacket;

/** Every packet that this server may send. */
export type ServerPacket =
  | ConnackPacket
  | PublishPacket
  | AcknowledgementPacket
  | SubackPacket
  | UnsubackPacket
  | PingrespPacket
  | DisconnectPacket
  | AuthPacket;

/** CONNECT, section 3.1. */
export interface ConnectPacket {
  readonly cmd: 'connect';
  readonly protocolId: 'MQIsdp' | 'MQTT';
  readonly protocolVersion: ProtocolVersion;
  /** Clean Session in MQTT 3.1 and 3.1.1, Clean Start in MQTT 5.0. */
  readonly clean: boolean;
  /** Seconds; 0 disables the keep-alive. */
  readonly keepalive: number;
  readonly clientId: string;
  readonly will?: Will;
  readonly username?: string;
  readonly password?: Buffer;
  readonly properties?: ConnectProperties;
}

export interface ConnectProperties {
  /** Seconds; 0xFFFFFFFF means that the session never expires. */
  readonly sessionExpiryInterval?: number;
  readonly receiveMaximum?: number;
  /** Bytes. */
  readonly maximumPacketSize?: number;
  readonly topicAliasMaximum?: number;
  readonly requestResponseInformation?: boolean;
  readonly requestProblemInformation?: boolean;
  readonly userProperties?: UserProperties;
  readonly authenticationMethod?: string;
  readonly authenticationData?: Buffer;
}

export interface Will {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly properties?: WillProperties;
}

/** Properties of an Application Message, in PUBLISH and in a will. */
export interface MessageProperties {
  /** True if the payload is UTF-8 text. */
  readonly payloadFormatIndicator?: boolean;
  /** Seconds. */
  readonly messageExpiryInterval?: number;
  readonly contentType?: string;
  readonly responseTopic?: string;
  readonly correlationData?: Buffer;
  readonly userProperties?: UserProperties;
}

export interface WillProperties extends MessageProperties {
  /** Seconds. */
  readonly willDelayInterval?: number;
}

/** CONNACK, section 3.2. `returnCode` is for MQTT 3.1 and 3.1.1, `reasonCode` for 5.0. */
export interface ConnackPacket {
  readonly cmd: 'connack';
  readonly sessionPresent: boolean;
  readonly returnCode?: number;
  readonly reasonCode?: number;
  readonly properties?: ConnackProperties;
}

export interface ConnackProperties {
  /** Seconds; 0xFFFFFFFF means that the session never expires. */
  readonly sessionExpiryInterval?: number;
  readonly receiveMaximum?: number;
  readonly maximumQoS?: 0 | 1;
  readonly retainAvailable?: boolean;
  /** Bytes. */
  readonly maximumPacketSize?: number;
  readonly assignedClientIdentifier?: string;
  readonly topicAliasMaximum?: number;
  readonly reasonString?: string;
  readonly userProperties?: UserProperties;
  readonly wildcardSubscriptionAvailable?: boolean;
  readonly subscriptionIdentifiersAvailable?: boolean;
  readonly sharedSubscriptionAvailable?: boolean;
  /** Seconds. */
  readonly serverKeepAlive?: number;
  readonly responseInformation?: string;
  readonly serverReference?: string;
  readonly authenticationMethod?: string;
  readonly authenticationData?: Buffer;
}

/** PUBLISH, section 3.3. */
export interface PublishPacket {
  readonly cmd: 'publish';
  /** Empty only in MQTT 5.0, if the packet has a Topic Alias instead. */
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: QoS;
  /** Packet Identifier, present if and only if `qos` is 1 or 2. */
  readonly messageId?: number;
  readonly dup: boolean;
  readonly retain: boolean;
  readonly properties?: PublishProperties;
}

export interface PublishProperties extends MessageProperties {
  readonly topicAlias?: number;
  /** Only in packets to clients [MQTT-3.3.4-6]. */
  readonly subscriptionIdentifiers?: readonly number[];
}

/** PUBACK, PUBREC, PUBREL and PUBCOMP, sections 3.4 to 3.7. */
export interface AcknowledgementPacket {
  readonly cmd: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp';
  readonly messageId: number;
  /** Only in MQTT 5.0; absent means Success. */
  readonly reasonCode?: number;
  readonly properties?: ReasonProperties;
}

/** Properties that explain a reason code. */
export interface ReasonProperties {
  readonly reasonString?: string;
  readonly userProperties?: UserProperties;
}

/** SUBSCRIBE, section 3.8. */
export interface SubscribePacket {
  readonly cmd: 'subscribe';
  readonly messageId: number;
  readonly subscriptions: readonly Subscription[];
  readonly properties?: SubscribeProperties;
}

export interface Subscription {
  /** The topic filter. */
  readonly topic: string;
  readonly qos: QoS;
  /** No Local. `nl`, `rap` and `rh` are present if and only if the client uses MQTT 5.0. */
  readonly nl?: boolean;
  /** Retain As Published. */
  readonly rap?: boolean;
  /** Retain Handling. */
  readonly rh?: 0 | 1 | 2;
}

export interface SubscribeProperties {
  readonly subscriptionIdentifier?: number;
  readonly userProperties?: UserProperties;
}

/** SUBACK, section 3.9. */
export interface SubackPacket {
  readonly cmd: 'suback';
  readonly messageId: number;
  /** One code per entry of the SUBSCRIBE, in the same order. */
  readonly granted: readonly number[];
  readonly properties?: ReasonProperties;
}

/** UNSUBSCRIBE, section 3.10. */
export interface UnsubscribePacket {
  readonly cmd: 'unsubscribe';
  readonly messageId: number;
  readonly unsubscriptions: readonly string[];
  readonly properties?: UnsubscribeProperties;
}

export interface UnsubscribeProperties {
  readonly userProperties?: UserProperties;
}

/** UNSUBACK, section 3.11. */
export interface UnsubackPacket {
  readonly cmd: 'unsuback';
  readonly messageId: number;
  /** One code per entry of the UNSUBSCRIBE, in the same order. MQTT 3.1 and 3.1.1 send none. */
  readonly granted: readonly number[];
  readonly properties?: ReasonProperties;
}

/** PINGREQ, section 3.12. */
export interface PingreqPacket {
  readonly cmd: 'pingreq';
}

/** PINGRESP, section 3.13. */
export interface PingrespPacket {
  readonly cmd: 'pingresp';
}

/** DISCONNECT, section 3.14. In MQTT 3.1 and 3.1.1 only a client sends it. */
export interface DisconnectPacket {
  readonly cmd: 'disconnect';
  /** Only in MQTT 5.0; absent means Normal disconnection. */
  readonly reasonCode?: number;
  readonly properties?: DisconnectProperties;
}

export interface DisconnectProperties extends ReasonProperties {
  /** Seconds; only in packets from clients [MQTT-3.14.2-2]. */
  readonly sessionExpiryInterval?: number;
  readonly serverReference?: string;
}

/** AUTH of MQTT 5.0, section 3.15. */
export interface AuthPacket {
  readonly cmd: 'auth';
  readonly reasonCode: number;
  readonly properties?: AuthProperties;
}

export interface AuthProperties extends ReasonProperties {
  readonly authenticationMethod?: string;
  readonly authenticationData?: Buffer;
}
