import { generate, type IConnectPacket, type IPublishPacket, type Packet, writeToStream } from 'mqtt-packet';
import { checkConnect, checkConnectHeader, checkPacket } from './packet-checks';
import { PacketParser, parserOf } from './packet-parser';
import { packetSize } from './packet-splitter';
import { ProtocolError, Reason } from './reason-codes';

// mqtt-packet would build 65,536 buffers when it first writes a number: 30 ms and 16 MB of a cold start for nothing measurable after.
writeToStream.cacheNumbers = false;

const packetTypes = { connect: 1, publish: 3, pubrel: 6, subscribe: 8, unsubscribe: 10 } as const;

/** Packets only a server sends, and those no version known here has, by the number in the first four bits. */
const refusedTypes = new Map([
  [0, 'reserved packet type 0'],
  [2, 'CONNACK'],
  [9, 'SUBACK'],
  [11, 'UNSUBACK'],
  [13, 'PINGRESP'],
  [15, 'packet type 15'],
]);

/**
 * Reads exactly one whole packet from a client. `version` is what its CONNECT said, undefined before. Throws `ProtocolError` for
 * anything the specification forbids, and nothing else.
 */
export function decode(packet: Buffer, version: number | undefined): Packet {
  // The parsers are shared, and one that was left in the middle of a packet would go on with somebody else's.
  if (packetSize(packet, 0) !== packet.length) {
    throw new ProtocolError(Reason.malformedPacket, 'not exactly one whole packet');
  }
  const type = packet[0]! >> 4;
  if (type === packetTypes.connect) return decodeConnect(packet);
  if (version === undefined) throw new ProtocolError(Reason.protocolError, 'first packet is not CONNECT'); // [v3 MQTT-3.1.0-1]
  const refused = refusedTypes.get(type);
  if (refused) throw new ProtocolError(Reason.protocolError, `a client may not send ${refused}`);

  const decoded = parserOf(version).parse(version === 3 ? withoutDup(packet, type) : packet);
  checkPacket(decoded, packet);
  return decoded;
}

/** A parser keeps the CONNECT it has read as its settings, password included. So each one gets a parser of its own. */
function decodeConnect(packet: Buffer): Packet {
  checkConnectHeader(packet);
  const decoded = new PacketParser(4).parse(packet) as IConnectPacket;
  checkConnect(decoded, packet);
  return decoded;
}

/** MQTT 3.1 lets a client set DUP on these when it sends them again (v3.1 section 2.1); 3.1.1 reserves the bit. */
function withoutDup(packet: Buffer, type: number): Buffer {
  const { pubrel, subscribe, unsubscribe } = packetTypes;
  if (type !== pubrel && type !== subscribe && type !== unsubscribe) return packet;
  const copy = Buffer.from(packet);
  copy[0]! &= ~0x08;
  return copy;
}

/** The bytes of one packet for a client of `version`. */
export function encode(packet: Packet, version: number): Buffer {
  if (packet.cmd === 'publish' && version < 5) return encodePublish(packet);
  if (packet.cmd === 'connack' && version === 3) return generate({ ...packet, sessionPresent: false }); // v3.1 3.2: reserved
  return generate(packet, { protocolVersion: version });
}

/** PUBLISH of MQTT 3.1 and 3.1.1 in one allocation. */
function encodePublish({ topic, payload, qos, dup, retain, messageId }: IPublishPacket): Buffer {
  const topicLength = Buffer.byteLength(topic);
  const payloadLength = Buffer.byteLength(payload);
  const remaining = 2 + topicLength + (qos > 0 ? 2 : 0) + payloadLength;
  const bytes = Buffer.allocUnsafe(1 + lengthSize(remaining) + remaining);

  bytes[0] = 0x30 | (dup ? 0x08 : 0) | (qos << 1) | (retain ? 0x01 : 0);
  let position = writeLength(bytes, remaining);
  position = bytes.writeUInt16BE(topicLength, position);
  position += bytes.write(topic, position);
  if (qos > 0) position = bytes.writeUInt16BE(messageId!, position);
  if (typeof payload === 'string') bytes.write(payload, position);
  else payload.copy(bytes, position);
  return bytes;
}

function lengthSize(remaining: number): number {
  if (remaining < 128) return 1;
  if (remaining < 16_384) return 2;
  return remaining < 2_097_152 ? 3 : 4;
}

/** Writes the remaining length behind the first byte and returns the position behind it. */
function writeLength(bytes: Buffer, remaining: number): number {
  let position = 1;
  let rest = remaining;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes[position++] = (rest % 128) | 0x80;
  bytes[position++] = rest;
  return position;
}
