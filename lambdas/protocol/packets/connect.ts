import { hasDeclaredFormat } from '../codec/decode-publish';
import type { ClientCapabilities, ConnectRequest, Effect, Will } from '../effects';
import { sessionForever } from '../effects';
import { forwardedProperties } from '../forwarded-properties';
import { longestClientId } from '../limits';
import type { ConnackProperties, ConnectPacket, Will as WillFields } from '../packets';
import { ProtocolError, Reason } from '../reason-codes';
import { isReservedTopic, isTopicName } from '../topic';

/** As good as none, section 3.1.2.11.3: there are no more packet ids. */
const noReceiveMaximum = 65_535;

/** Where a client that asks for it may have its answers sent. */
const responseTopics = 'response/';

/** What a server tells its clients to keep to. */
export interface ConnectLimits {
  /** Seconds. */
  readonly maxKeepAlive: number;
  /** Bytes of one packet of a client. */
  readonly maxPacketSize: number;
  /** Topic aliases that a client may set up. */
  readonly maxTopicAliases: number;
  /** Seconds that a session may outlive its connection; 0 is any time. */
  readonly maxSessionExpiry: number;
  /** QoS 2 messages that a client may have sent and not released. */
  readonly maxUnreleased: number;
}

/** CONNECT, section 3.1. Whether the client may come in at all is for the shell to decide. */
export function handleConnect(packet: ConnectPacket, generateClientId: () => string, limits: ConnectLimits): Effect[] {
  if (packet.will && !hasDeclaredFormat(packet.will)) {
    throw new ProtocolError(Reason.payloadFormatInvalid, 'the payload of the will is not UTF-8'); // section 3.1.3.2.3
  }
  if (Buffer.byteLength(packet.clientId) > longestClientId) {
    throw new ProtocolError(Reason.clientIdentifierNotValid, `client id has more than ${longestClientId} bytes`); // [MQTT-3.1.3-5] asks for 23
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
    ...(packet.protocolVersion === 5 && { answer: answerOf(packet, clientId, keepAlive, limits) }),
  };
  return [{ do: 'connect', request }];
}

function authenticationOf({ properties }: ConnectPacket): Pick<ConnectRequest, 'authentication'> {
  const { authenticationMethod: method, authenticationData: data } = properties ?? {};
  return method === undefined ? {} : { authentication: { method, ...(data && { data }) } };
}

/** Longer ids than the 23 characters of MQTT 3.1 are welcome in every version; only an empty one needs a rule. */
function assignClientId(packet: ConnectPacket, generateClientId: () => string): string {
  if (packet.protocolVersion === 3) {
    throw new ProtocolError(Reason.clientIdentifierNotValid, 'empty client id in mqtt 3.1'); // v3.1 3.1: 1 to 23 characters
  }
  if (packet.protocolVersion === 4 && !packet.clean) {
    throw new ProtocolError(Reason.clientIdentifierNotValid, 'empty client id without clean session'); // [v3 MQTT-3.1.3-8]
  }
  return generateClientId(); // [MQTT-3.1.3-6] [v3 MQTT-3.1.3-6] [v3 MQTT-3.1.3-7]
}

/** Only MQTT 5.0 lets the server choose another one [MQTT-3.1.2-21]. */
function keepAliveOf({ protocolVersion, keepalive }: ConnectPacket, maxKeepAlive: number): number {
  if (protocolVersion < 5) return keepalive;
  return keepalive === 0 ? maxKeepAlive : Math.min(keepalive, maxKeepAlive);
}

/** In MQTT 3.1.1 one flag decides how a session begins and how it ends. */
function sessionExpiryOf({ protocolVersion, clean, properties }: ConnectPacket): number {
  if (protocolVersion < 5) return clean ? 0 : sessionForever;
  return properties?.sessionExpiryInterval ?? 0; // section 3.1.2.11.2
}

/** The server may use a shorter one than the client asks for, section 3.2.2.3.2. */
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

/** What is not said is available: QoS 2, retained messages, wildcards, subscription identifiers and shared subscriptions. */
function answerOf(
  packet: ConnectPacket,
  clientId: string,
  keepAlive: number,
  { maxPacketSize, maxTopicAliases, maxUnreleased, maxSessionExpiry }: ConnectLimits,
): ConnackProperties {
  const asked = sessionExpiryOf(packet);
  const sessionExpiryInterval = shorterExpiry(asked, maxSessionExpiry);
  return {
    ...(sessionExpiryInterval !== asked && { sessionExpiryInterval }),
    receiveMaximum: maxUnreleased,
    maximumPacketSize: maxPacketSize,
    ...(maxTopicAliases > 0 && { topicAliasMaximum: maxTopicAliases }), // absent is 0, section 3.2.2.3.8
    ...(packet.clientId === '' && { assignedClientIdentifier: clientId }), // [MQTT-3.1.3-7]
    ...(keepAlive !== packet.keepalive && { serverKeepAlive: keepAlive }),
    ...(packet.properties?.requestResponseInformation && responseInformation(clientId)),
  };
}

/** [MQTT-3.1.2-28] None for a client id that is no part of a topic name. */
function responseInformation(clientId: string): ConnackProperties {
  const topic = responseTopics + clientId;
  return isTopicName(topic) ? { responseInformation: topic } : {};
}

function willOf({ topic, payload, qos, retain, properties }: WillFields, publisher: string): Will | undefined {
  if (isReservedTopic(topic)) return undefined; // as in PUBLISH, and as Mosquitto does
  return {
    message: { topic, payload, qos, retain, publisher, ...forwardedProperties(properties) },
    delay: properties?.willDelayInterval ?? 0,
    ...(properties?.messageExpiryInterval !== undefined && { expiry: properties.messageExpiryInterval }),
  };
}
