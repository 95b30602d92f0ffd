import { hasDeclaredFormat } from '../codec/decode-publish';
import type { ClientCapabilities, ConnectRequest, Effect, Will } from '../effects';
import { sessionForever } from '../effects';
import { forwardedProperties } from '../forwarded-properties';
import { maxClientIdBytes } from '../limits';
import type { ConnackProperties, ConnectPacket, Will as WillFields } from '../packets';
import { ProtocolError, Reason } from '../reason-codes';
import { isReservedTopic, isTopicName } from '../topic';

/** Receive Maximum that is no limit, section 3.1.2.11.3: there are only 65,535 packet identifiers. */
const noReceiveMaximum = 65_535;

/** Prefix of the response topics that Response Information offers to clients. */
const responseTopics = 'response/';

/** Limits that the server sets for its clients. */
export interface ConnectLimits {
  /** Maximum Keep Alive in seconds. */
  readonly maxKeepAlive: number;
  /** Maximum bytes of a packet from a client. */
  readonly maxPacketSize: number;
  /** Number of topic aliases that a client may set. */
  readonly maxTopicAliases: number;
  /** Maximum Session Expiry Interval in seconds; 0 means no limit. */
  readonly maxSessionExpiry: number;
  /** QoS 2 messages that a client may have published without PUBREL. */
  readonly maxUnreleased: number;
}

/**
 * CONNECT, section 3.1. `broker/connect` authenticates the client.
 *
 * @throws ProtocolError if the server refuses the CONNECT whoever sends it.
 */
export function handleConnect(packet: ConnectPacket, generateClientId: () => string, limits: ConnectLimits): Effect[] {
  if (packet.will && !hasDeclaredFormat(packet.will)) {
    throw new ProtocolError(Reason.payloadFormatInvalid, 'the payload of the will is not UTF-8'); // section 3.1.3.2.3
  }
  if (Buffer.byteLength(packet.clientId) > maxClientIdBytes) {
    throw new ProtocolError(Reason.clientIdentifierNotValid, `client id has more than ${maxClientIdBytes} bytes`); // [MQTT-3.1.3-5] asks for 23
  }
  const clientId = packet.clientId === '' ? assignClientId(packet, generateClientId) : packet.clientId;
  const will = packet.will && willOf(packet.will, clientId);
  const keepAlive = keepAliveOf(packet, limits.maxKeepAlive);
  const request: ConnectRequest = {
    clientId,
    version: packet.protocolVersion,
    cleanStart: packet.clean,
    sessionExpiry: shorterExpiry(sessionExpiryOf(packet), limits.maxSessionExpiry),
    keepAlive,
    ...(will && { will }),
    ...(packet.username !== undefined && { username: packet.username }),
    ...(packet.password !== undefined && { password: packet.password }),
    ...authenticationOf(packet),
    capabilities: capabilitiesOf(packet),
    ...(packet.protocolVersion === 5 && {
      connackProperties: connackPropertiesOf(packet, { clientId, keepAlive, limits }),
    }),
  };
  return [{ do: 'connect', request }];
}

function authenticationOf({ properties }: ConnectPacket): Pick<ConnectRequest, 'authentication'> {
  const { authenticationMethod: method, authenticationData: data } = properties ?? {};
  return method === undefined ? {} : { authentication: { method, ...(data && { data }) } };
}

/** Assigns a client id in place of an empty one, where the protocol version allows it. */
function assignClientId(packet: ConnectPacket, generateClientId: () => string): string {
  if (packet.protocolVersion === 3) {
    throw new ProtocolError(Reason.clientIdentifierNotValid, 'empty client id in mqtt 3.1'); // v3.1 3.1: 1 to 23 characters
  }
  if (packet.protocolVersion === 4 && !packet.clean) {
    throw new ProtocolError(Reason.clientIdentifierNotValid, 'empty client id without clean session'); // [v3 MQTT-3.1.3-8]
  }
  return generateClientId(); // [MQTT-3.1.3-6] [v3 MQTT-3.1.3-6] [v3 MQTT-3.1.3-7]
}

/** Returns the Keep Alive in seconds. Only MQTT 5.0 lets the server choose a shorter one [MQTT-3.1.2-21]. */
function keepAliveOf({ protocolVersion, keepalive }: ConnectPacket, maxKeepAlive: number): number {
  if (protocolVersion < 5) return keepalive;
  return keepalive === 0 ? maxKeepAlive : Math.min(keepalive, maxKeepAlive);
}

/** Returns the Session Expiry Interval in seconds. In MQTT 3.1.1 Clean Session decides how a session starts and how it ends. */
function sessionExpiryOf({ protocolVersion, clean, properties }: ConnectPacket): number {
  if (protocolVersion < 5) return clean ? 0 : sessionForever;
  return properties?.sessionExpiryInterval ?? 0; // section 3.1.2.11.2
}

/** Limits a Session Expiry Interval in seconds. The server may use less than the client requests, section 3.2.2.3.2. */
export function shorterExpiry(sessionExpiry: number, maxSessionExpiry: number): number {
  return maxSessionExpiry === 0 ? sessionExpiry : Math.min(sessionExpiry, maxSessionExpiry);
}

function capabilitiesOf({ properties = {} }: ConnectPacket): ClientCapabilities {
  const { receiveMaximum, maximumPacketSize: packetSize, topicAliasMaximum, requestProblemInformation } = properties;
  return {
    ...(receiveMaximum !== undefined && receiveMaximum < noReceiveMaximum && { receiveMaximum }),
    ...(packetSize !== undefined && { maximumPacketSize: packetSize }),
    ...(topicAliasMaximum !== undefined && { topicAliasMaximum }),
    ...(requestProblemInformation === false && { noProblemInformation: true }),
  };
}

/** Values that the CONNACK reports if they differ from those of the CONNECT. */
interface Accepted {
  readonly clientId: string;
  readonly keepAlive: number;
  readonly limits: ConnectLimits;
}

/**
 * Returns the properties of the CONNACK. Absent properties mean that a feature is available: QoS 2, retained messages, wildcards,
 * Subscription Identifiers and shared subscriptions.
 */
function connackPropertiesOf(packet: ConnectPacket, { clientId, keepAlive, limits }: Accepted): ConnackProperties {
  const { maxPacketSize, maxTopicAliases, maxUnreleased, maxSessionExpiry } = limits;
  const requestedExpiry = sessionExpiryOf(packet);
  const sessionExpiryInterval = shorterExpiry(requestedExpiry, maxSessionExpiry);
  return {
    ...(sessionExpiryInterval !== requestedExpiry && { sessionExpiryInterval }),
    receiveMaximum: maxUnreleased,
    maximumPacketSize: maxPacketSize,
    ...(maxTopicAliases > 0 && { topicAliasMaximum: maxTopicAliases }), // absent is 0, section 3.2.2.3.8
    ...(packet.clientId === '' && { assignedClientIdentifier: clientId }), // [MQTT-3.1.3-7]
    ...(keepAlive !== packet.keepalive && { serverKeepAlive: keepAlive }),
    ...(packet.properties?.requestResponseInformation && responseInformation(clientId)),
  };
}

/** Returns Response Information [MQTT-3.1.2-28], or nothing if the client id is not valid in a topic name. */
function responseInformation(clientId: string): ConnackProperties {
  const topic = responseTopics + clientId;
  return isTopicName(topic) ? { responseInformation: topic } : {};
}

function willOf({ topic, payload, qos, retain, properties }: WillFields, publisher: string): Will | undefined {
  if (isReservedTopic(topic)) return undefined; // like a PUBLISH to this topic; Mosquitto does the same
  return {
    message: { topic, payload, qos, retain, publisher, ...forwardedProperties(properties) },
    delay: properties?.willDelayInterval ?? 0,
    ...(properties?.messageExpiryInterval !== undefined && { expiry: properties.messageExpiryInterval }),
  };
}
