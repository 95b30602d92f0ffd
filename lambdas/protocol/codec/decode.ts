import { packetSize } from '../packet-splitter';
import type { ClientPacket, ProtocolVersion } from '../packets';
import { decodeAcknowledgement } from './decode-acknowledgement';
import { decodeAuth } from './decode-auth';
import { decodeConnect } from './decode-connect';
import { decodeDisconnect } from './decode-disconnect';
import { decodePublish } from './decode-publish';
import { decodeSubscribe } from './decode-subscribe';
import { decodeUnsubscribe } from './decode-unsubscribe';
import { malformedPacket, protocolError } from './errors';
import { checkFixedHeader } from './fixed-header';
import { PacketReader } from './packet-reader';
import { packetType } from './packet-types';

/**
 * Decodes exactly one whole packet from a client. `version` is that of its CONNECT; undefined before CONNECT, when every other packet is
 * refused. Buffers in the result are views of `bytes`.
 *
 * @throws ProtocolError if the specification of that version forbids the packet. Throws no other error.
 */
export function decode(bytes: Buffer, version: ProtocolVersion | undefined): ClientPacket {
  if (packetSize(bytes, 0) !== bytes.length) throw malformedPacket('not exactly one whole packet');
  const reader = new PacketReader(bytes);
  const type = reader.header >> 4;
  const packet = type === packetType.connect ? decodeConnect(reader) : decodeInSession(type, reader, version);
  reader.end(packet.cmd);
  return packet;
}

function decodeInSession(type: number, reader: PacketReader, version: ProtocolVersion | undefined): ClientPacket {
  if (version === undefined) throw protocolError('first packet is not CONNECT'); // [MQTT-3.1.0-1] [v3 MQTT-3.1.0-1]
  checkFixedHeader(reader.fixedHeader, version);
  switch (type) {
    case packetType.publish:
      return decodePublish(reader, version);
    case packetType.puback:
      return decodeAcknowledgement('puback', reader, version);
    case packetType.pubrec:
      return decodeAcknowledgement('pubrec', reader, version);
    case packetType.pubrel:
      return decodeAcknowledgement('pubrel', reader, version);
    case packetType.pubcomp:
      return decodeAcknowledgement('pubcomp', reader, version);
    case packetType.subscribe:
      return decodeSubscribe(reader, version);
    case packetType.unsubscribe:
      return decodeUnsubscribe(reader, version);
    case packetType.pingreq:
      return { cmd: 'pingreq' };
    case packetType.disconnect:
      return decodeDisconnect(reader, version);
    default:
      return decodeAuth(reader); // no other type is left
  }
}
