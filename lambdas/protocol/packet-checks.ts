import { isUtf8 } from 'node:buffer';
import type { IConnectPacket, IPublishPacket, ISubscribePacket, Packet } from 'mqtt-packet';
import { ProtocolError, Reason } from './reason-codes';

/*
 * What the specification demands of a packet and mqtt-packet does not look at.
 */

const levelsByName = new Map([
  ['MQIsdp', 3],
  ['MQTT', 4],
]);

/** Protocol name and level, before anything else is read: of another version not even the layout is known. */
export function checkConnectHeader(packet: Buffer): void {
  const body = bodyOf(packet);
  const name = fieldAt(body, 0).toString('latin1');
  const level = body[2 + name.length];
  if (level === undefined) throw malformed('CONNECT ends before the protocol level');
  const expected = levelsByName.get(name);
  if (expected === undefined) throw new ProtocolError(Reason.protocolError, 'protocol name is neither MQTT nor MQIsdp'); // [v3 MQTT-3.1.2-1]
  // Mosquitto bridges set the highest bit; mqtt-packet masks it too.
  if ((level & 0x7f) === expected) return;
  const problem = `protocol level ${level} of ${name} is not supported`;
  throw new ProtocolError(Reason.unsupportedProtocolVersion, problem); // [v3 MQTT-3.1.2-2]
}

/** CONNECT, section 3.1. */
export function checkConnect(packet: IConnectPacket, bytes: Buffer): void {
  const { will, username, password } = packet;
  if (will && (will.qos as number) > 2) throw malformed('will has QoS 3'); // [v3 MQTT-3.1.2-14]
  if (password !== undefined && username === undefined) throw malformed('password without user name'); // [v3 MQTT-3.1.2-22]

  const payload = connectPayload(bodyOf(bytes));
  const count = 1 + (will ? 2 : 0) + (username === undefined ? 0 : 1) + (password === undefined ? 0 : 1);
  if (payload.length !== count) throw malformed('CONNECT goes on after its last field'); // [v3 MQTT-3.1.3-1]
  checkText('client id', packet.clientId, payload[0]!); // [v3 MQTT-3.1.3-4]
  if (will) checkText('will topic', will.topic, payload[1]!); // [v3 MQTT-3.1.3-10]
  if (username !== undefined) checkText('user name', username, payload[will ? 3 : 1]!); // [v3 MQTT-3.1.3-11]
}

/** Every packet of a client but CONNECT. */
export function checkPacket(packet: Packet, bytes: Buffer): void {
  switch (packet.cmd) {
    case 'publish':
      checkPublish(packet, bytes);
      break;
    case 'subscribe':
      checkPacketId(packet.messageId);
      checkFilters(filtersOf(packet), bytes, 1); // behind each filter its QoS
      break;
    case 'unsubscribe':
      checkPacketId(packet.messageId);
      checkFilters(packet.unsubscriptions, bytes, 0);
      break;
    case 'pingreq':
    case 'disconnect':
      checkLength(packet, 0);
      break;
    default:
      checkLength(packet, 2);
      checkPacketId(packet.messageId);
  }
}

function checkPublish(packet: IPublishPacket, bytes: Buffer): void {
  if (packet.qos > 0) checkPacketId(packet.messageId);
  else if (packet.dup) throw malformed('PUBLISH with QoS 0 has DUP'); // [v3 MQTT-3.3.1-2]
  if (isSuspicious(packet.topic)) checkText('topic', packet.topic, fieldAt(bodyOf(bytes), 0)); // [v3 MQTT-3.3.2-1]
}

function filtersOf(packet: ISubscribePacket): string[] {
  return packet.subscriptions.map(({ topic }) => topic);
}

/** A list of filters, each followed by `gap` bytes. */
function checkFilters(filters: string[], bytes: Buffer, gap: number): void {
  if (filters.length === 0) throw new ProtocolError(Reason.protocolError, 'no topic filter'); // [v3 MQTT-3.8.3-3] [v3 MQTT-3.10.3-2]
  if (!filters.some(isSuspicious)) return;
  const fields = fieldsFrom(bodyOf(bytes), 2, gap);
  for (const [index, filter] of filters.entries()) checkText('topic filter', filter, fields[index]!); // [v3 MQTT-3.8.3-1]
}

function checkPacketId(packetId: number | undefined): void {
  // mqtt-packet answers -1 where the packet ends too early.
  if (packetId === undefined || packetId < 1) throw malformed('packet id is missing or 0'); // [v3 MQTT-2.3.1-1]
}

function checkLength(packet: Packet, expected: number): void {
  if (packet.length === expected) return;
  throw malformed(`${packet.cmd} has ${packet.length} bytes after its fixed header, not ${expected}`);
}

/** Text that decoding may have altered. Ill-formed bytes turn into U+FFFD, but a sender may also mean that character. */
function isSuspicious(text: string): boolean {
  return text.includes('\uFFFD') || text.includes('\0');
}

function checkText(name: string, text: string, bytes: Buffer): void {
  if (text.includes('\0')) throw malformed(`${name} contains U+0000`); // [v3 MQTT-1.5.3-2]
  if (!isUtf8(bytes)) throw malformed(`${name} is not well-formed UTF-8`); // [v3 MQTT-1.5.3-1]
}

/** What follows the fixed header. */
function bodyOf(packet: Buffer): Buffer {
  let start = 2;
  while (packet[start - 1]! >= 0x80) start++;
  return packet.subarray(start);
}

/** The fields of CONNECT behind name, level, flags and keep-alive. */
function connectPayload(body: Buffer): Buffer[] {
  return fieldsFrom(body, 2 + body.readUInt16BE(0) + 4, 0);
}

/** All length-prefixed fields from `start` to the end, each followed by `gap` bytes. */
function fieldsFrom(body: Buffer, start: number, gap: number): Buffer[] {
  const fields: Buffer[] = [];
  for (let position = start; position < body.length; ) {
    const field = fieldAt(body, position);
    fields.push(field);
    position += 2 + field.length + gap;
  }
  return fields;
}

function fieldAt(body: Buffer, position: number): Buffer {
  const start = position + 2;
  if (start > body.length) throw malformed('packet ends inside a length');
  const end = start + body.readUInt16BE(position);
  if (end > body.length) throw malformed('packet ends inside a field');
  return body.subarray(start, end);
}

function malformed(problem: string): ProtocolError {
  return new ProtocolError(Reason.malformedPacket, problem);
}
