import { encode } from './codec/encode';
import type { AcknowledgementPacket, ConnackPacket, ProtocolVersion, ServerPacket } from './packets';
import { ProtocolError, Reason } from './reason-codes';

/** A packet as it is sent, and its bytes. */
export interface EncodedPacket {
  readonly packet: ServerPacket;
  readonly bytes: Buffer;
}

/**
 * A packet for a client that takes at most `largest` bytes, without what has to be left out and may be; undefined when it does
 * not fit even so, and must not be sent [MQTT-3.1.2-24]. Nothing of a PUBLISH may be left out.
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

/** @throws ProtocolError for a packet that does not fit: the connection cannot go on without it. */
export function encodeWithinOrThrow(packet: ServerPacket, version: ProtocolVersion, maxBytes: number): EncodedPacket {
  const encoded = encodeWithin(packet, version, maxBytes);
  if (encoded) return encoded;
  const problem = `${packet.cmd.toUpperCase()} does not fit into the ${maxBytes} bytes that the client takes`;
  throw new ProtocolError(Reason.packetTooLarge, problem);
}

/** Ever less of a packet, as far as its meaning stays. */
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

/** Response Information is optional, and a client may set up no topic alias where none are offered. All the rest binds the client. */
function* shortenedConnack(packet: ConnackPacket): Generator<ConnackPacket> {
  const withoutResponse = { ...packet, properties: { ...packet.properties, responseInformation: undefined } };
  yield withoutResponse;
  yield { ...packet, properties: { ...withoutResponse.properties, topicAliasMaximum: undefined } };
}

/** That nobody has subscribed is a success all the same. */
function* shortenedAcknowledgement(packet: AcknowledgementPacket): Generator<AcknowledgementPacket> {
  if (packet.reasonCode === Reason.noMatchingSubscribers) yield { ...packet, reasonCode: Reason.success };
}
