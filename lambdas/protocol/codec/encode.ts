import type {
  AcknowledgementPacket,
  AuthPacket,
  ConnackPacket,
  DisconnectPacket,
  ProtocolVersion,
  ServerPacket,
  SubackPacket,
  UnsubackPacket,
} from '../packets';
import { Reason } from '../reason-codes';
import { encodePublish } from './encode-publish';
import { headerOf, PacketWriter } from './packet-writer';
import { PropertyBlock } from './property-block';

/** Encodes one packet for a client of this protocol version. */
export function encode(packet: ServerPacket, version: ProtocolVersion): Buffer {
  switch (packet.cmd) {
    case 'publish':
      return encodePublish(packet, version);
    case 'connack':
      return encodeConnack(packet, version);
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
      return encodeAcknowledgement(packet, version);
    case 'suback':
    case 'unsuback':
      return encodeCodes(packet, version);
    case 'pingresp':
      return new PacketWriter(headerOf(packet.cmd), 0).bytes;
    case 'disconnect':
    case 'auth':
      return encodeReason(packet, version);
  }
}

function encodeConnack(
  { cmd, sessionPresent, returnCode, reasonCode, properties }: ConnackPacket,
  version: number,
): Buffer {
  const block = new PropertyBlock(properties);
  const code = version === 5 ? reasonCode : returnCode;
  if (code === undefined) throw new Error(`CONNACK without a code for protocol level ${version}`);
  const writer = new PacketWriter(headerOf(cmd), 2 + (version === 5 ? block.size : 0));
  writer.byte(sessionPresent && version > 3 ? 1 : 0); // v3.1 3.2: reserved
  writer.byte(code);
  if (version === 5) block.write(writer);
  return writer.bytes;
}

/** Leaves out reason code and properties for Success without properties, sections 3.4.2 to 3.7.2. */
function encodeAcknowledgement(packet: AcknowledgementPacket, version: number): Buffer {
  const { cmd, messageId, reasonCode = Reason.success, properties } = packet;
  const block = new PropertyBlock(properties);
  const isShort = version < 5 || (reasonCode === Reason.success && block.isEmpty);
  const writer = new PacketWriter(headerOf(cmd), isShort ? 2 : 3 + (block.isEmpty ? 0 : block.size));
  writer.uint16(messageId);
  if (isShort) return writer.bytes;
  writer.byte(reasonCode);
  if (!block.isEmpty) block.write(writer);
  return writer.bytes;
}

/** Encodes SUBACK and UNSUBACK. UNSUBACK has no codes before MQTT 5.0. */
function encodeCodes({ cmd, messageId, granted, properties }: SubackPacket | UnsubackPacket, version: number): Buffer {
  const block = new PropertyBlock(properties);
  const codes = version === 5 || cmd === 'suback' ? granted : [];
  const writer = new PacketWriter(headerOf(cmd), 2 + (version === 5 ? block.size : 0) + codes.length);
  writer.uint16(messageId);
  if (version === 5) block.write(writer);
  for (const code of codes) writer.byte(code);
  return writer.bytes;
}

/** Encodes DISCONNECT and AUTH of MQTT 5.0. */
function encodeReason(
  { cmd, reasonCode = Reason.success, properties }: DisconnectPacket | AuthPacket,
  version: number,
): Buffer {
  if (version < 5) throw new Error(`a server of protocol level ${version} does not send ${cmd}`); // v3 3.14
  const block = new PropertyBlock(properties);
  if (reasonCode === Reason.success && block.isEmpty) return new PacketWriter(headerOf(cmd), 0).bytes;
  const writer = new PacketWriter(headerOf(cmd), 1 + block.size);
  writer.byte(reasonCode);
  block.write(writer);
  return writer.bytes;
}
