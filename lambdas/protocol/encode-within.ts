import { encode } from './codec/encode';
import type { AcknowledgementPacket, ConnackPacket, ProtocolVersion, ServerPacket } from './packets';
import { ProtocolError, Reason } from './reason-codes';

/** A packet as it is sent, with its encoding. */
export interface EncodedPacket {
  readonly packet: ServerPacket;
  readonly bytes: Buffer;
}

/**
 * Encodes a packet for a client whose Maximum Packet Size is `maxBytes`. Leaves out optional properties where necessary. Returns undefined
 * if the packet is still too large; it must not be sent then [MQTT-3.1.2-24]. A PUBLISH is never shortened.
 */
export function encodeWithin(
  packet: ServerPacket,
  version: ProtocolVersion,
  maxBytes: number,
): EncodedPacket | undefined {
  for (const candidate of [packet, ...shortened(packet)]) {
    const bytes = encode(candidate, version);
    if (bytes.length <= maxBytes) return { packet: candidate, bytes };
  }
  return undefined;
}

/**
 * Encodes a packet that the connection cannot do without, like `encodeWithin`.
 *
 * @throws ProtocolError 0x95 if the packet is larger than `maxBytes`.
 */
export function encodeWithinOrThrow(packet: ServerPacket, version: ProtocolVersion, maxBytes: number): EncodedPacket {
  const encoded = encodeWithin(packet, version, maxBytes);
  if (encoded) return encoded;
  const problem = `${packet.cmd.toUpperCase()} exceeds the Maximum Packet Size of ${maxBytes} bytes`;
  throw new ProtocolError(Reason.packetTooLarge, problem);
}

/** Yields shorter and shorter forms of a packet that have the same meaning. */
function* shortened(packet: ServerPacket): Generator<ServerPacket> {
  if (packet.cmd === 'publish' || packet.cmd === 'pingresp') return;
  const withoutReason = {
    ...packet,
    properties: { ...packet.properties, userProperties: undefined, reasonString: undefined },
  };
  yield withoutReason; // [MQTT-3.2.2-19] [MQTT-3.2.2-20] [MQTT-3.14.2-3] [MQTT-3.14.2-4]
  if (packet.cmd === 'connack') yield* shortenedConnack(withoutReason as ConnackPacket);
  if ('messageId' in packet && packet.cmd !== 'suback' && packet.cmd !== 'unsuback') {
    yield* shortenedAcknowledgement(withoutReason as AcknowledgementPacket);
  }
}

/**
 * Leaves out Response Information, which is optional, then Topic Alias Maximum, without which the client sends no aliases. The client has
 * to obey every other property.
 */
function* shortenedConnack(packet: ConnackPacket): Generator<ConnackPacket> {
  const withoutResponse = { ...packet, properties: { ...packet.properties, responseInformation: undefined } };
  yield withoutResponse;
  yield { ...packet, properties: { ...withoutResponse.properties, topicAliasMaximum: undefined } };
}

/** Leaves out the reason code "No matching subscribers", because it is a success. */
function* shortenedAcknowledgement(packet: AcknowledgementPacket): Generator<AcknowledgementPacket> {
  if (packet.reasonCode === Reason.noMatchingSubscribers) yield { ...packet, reasonCode: Reason.success };
}
