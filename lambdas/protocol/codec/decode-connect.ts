import type { ConnectPacket, ConnectProperties, ProtocolVersion, QoS, Will, WillProperties } from '../packets';
import { ProtocolError, Reason } from '../reason-codes';
import { isTopicName, quoteTopic } from '../topic';
import { malformedPacket, protocolError } from './errors';
import { checkFixedHeader } from './fixed-header';
import { PacketReader } from './packet-reader';
import { allow, readProperties } from './read-properties';

const allowed = allow<ConnectProperties>(
  'sessionExpiryInterval',
  'receiveMaximum',
  'maximumPacketSize',
  'topicAliasMaximum',
  'requestResponseInformation',
  'requestProblemInformation',
  'userProperties',
  'authenticationMethod',
  'authenticationData',
);

const allowedOfWill = allow<WillProperties>(
  'willDelayInterval',
  'payloadFormatIndicator',
  'messageExpiryInterval',
  'contentType',
  'responseTopic',
  'correlationData',
  'userProperties',
);

/** Connect Flags, section 3.1.2.3. */
const flag = { reserved: 0x01, clean: 0x02, will: 0x04, willRetain: 0x20, password: 0x40, username: 0x80 } as const;

/** CONNECT, section 3.1. */
export function decodeConnect(reader: PacketReader): ConnectPacket {
  const protocol = readProtocol(reader);
  const { protocolVersion } = protocol;
  checkFixedHeader(reader.fixedHeader, protocolVersion);
  const flags = readFlags(reader, protocolVersion);
  const keepalive = reader.uint16('keep-alive');
  const properties = protocolVersion === 5 ? readConnectProperties(reader) : undefined;
  const clientId = reader.text('client id'); // [MQTT-3.1.3-3] [MQTT-3.1.3-4] [v3 MQTT-3.1.3-3] [v3 MQTT-3.1.3-4]
  const will = flags & flag.will ? readWill(reader, flags, protocolVersion) : undefined;
  const username = flags & flag.username ? reader.text('user name') : undefined; // [MQTT-3.1.3-12] [v3 MQTT-3.1.3-11]
  const password = flags & flag.password ? reader.binary('password') : undefined;
  return {
    cmd: 'connect',
    ...protocol,
    clean: (flags & flag.clean) !== 0,
    keepalive,
    clientId,
    ...(will && { will }),
    ...(username !== undefined && { username }),
    ...(password && { password }),
    ...(properties && { properties }),
  };
}

/** Returns the Maximum Packet Size of an MQTT 5.0 CONNECT that may be malformed; undefined if it is absent or unreadable. */
export function announcedPacketSize(packet: Buffer): number | undefined {
  const reader = new PacketReader(packet);
  try {
    readProtocol(reader);
    reader.byte('connect flags');
    reader.uint16('keep-alive');
    return readProperties<ConnectProperties>(reader, allowed)?.maximumPacketSize;
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

/** Reads protocol name and level first, because they determine the layout of the rest. */
function readProtocol(reader: PacketReader): Pick<ConnectPacket, 'protocolId' | 'protocolVersion'> {
  const protocolId = reader.binary('protocol name').toString('latin1');
  const level = reader.byte('protocol level');
  if (protocolId !== 'MQTT' && protocolId !== 'MQIsdp') {
    throw protocolError('protocol name is neither MQTT nor MQIsdp'); // [MQTT-3.1.2-1] [v3 MQTT-3.1.2-1]
  }
  const protocolVersion = versionOf(protocolId, level);
  if (protocolVersion !== undefined) return { protocolId, protocolVersion };
  const problem = `protocol level ${level} of ${protocolId} is not supported`;
  throw new ProtocolError(Reason.unsupportedProtocolVersion, problem); // [MQTT-3.1.2-2] [v3 MQTT-3.1.2-2]
}

function versionOf(protocolId: ConnectPacket['protocolId'], level: number): ProtocolVersion | undefined {
  const withoutBridge = level & 0x7f; // Mosquitto bridges set the highest bit in MQTT 3.1 and 3.1.1.
  if (protocolId === 'MQIsdp') return withoutBridge === 3 ? 3 : undefined;
  if (withoutBridge === 4) return 4;
  return level === 5 ? 5 : undefined;
}

function readFlags(reader: PacketReader, version: ProtocolVersion): number {
  const flags = reader.byte('connect flags');
  if (flags & flag.reserved) throw malformedPacket('reserved connect flag is set'); // [MQTT-3.1.2-3] [v3 MQTT-3.1.2-3]
  if (willQos(flags) === 3) throw malformedPacket('will has QoS 3'); // [MQTT-3.1.2-12] [v3 MQTT-3.1.2-14]
  if (!(flags & flag.will)) {
    if (willQos(flags) > 0) throw malformedPacket('will QoS without a will'); // [MQTT-3.1.2-11] [v3 MQTT-3.1.2-13]
    if (flags & flag.willRetain) throw malformedPacket('will RETAIN without a will'); // [MQTT-3.1.2-13] [v3 MQTT-3.1.2-15]
  }
  if (version < 5 && flags & flag.password && !(flags & flag.username)) {
    throw malformedPacket('password without user name'); // [v3 MQTT-3.1.2-22]
  }
  return flags;
}

function willQos(flags: number): number {
  return (flags >> 3) & 0x03;
}

function readConnectProperties(reader: PacketReader): ConnectProperties | undefined {
  const properties = readProperties<ConnectProperties>(reader, allowed);
  if (properties?.authenticationData !== undefined && properties.authenticationMethod === undefined) {
    throw protocolError('authentication data without a method'); // section 3.1.2.11.10
  }
  return properties;
}

function readWill(reader: PacketReader, flags: number, version: ProtocolVersion): Will {
  const properties = version === 5 ? readProperties<WillProperties>(reader, allowedOfWill) : undefined;
  const topic = reader.text('will topic'); // [MQTT-3.1.3-11] [v3 MQTT-3.1.3-10]
  const payload = reader.binary('will payload');
  if (!isTopicName(topic)) {
    throw malformedPacket(`will topic ${quoteTopic(topic)} is not a topic name`);
  }
  return {
    topic,
    payload,
    qos: willQos(flags) as QoS,
    retain: (flags & flag.willRetain) !== 0,
    ...(properties && { properties }),
  };
}
