import { malformedPacket, protocolError } from './errors';
import { packetType, reservedFlags } from './packet-types';
import { type FixedHeader, readFixedHeader } from './read-fixed-header';
import { varintSize } from './varint';

/** Packet types that only a server sends. */
const serverPackets = new Set<number>([
  packetType.connack,
  packetType.suback,
  packetType.unsuback,
  packetType.pingresp,
]);

/**
 * Checks the start of a packet whose other bytes have not arrived, so that the broker does not wait for the rest of an invalid packet.
 * `version` is that of CONNECT, undefined before.
 *
 * @throws ProtocolError if the packet is invalid whatever its other bytes are.
 */
export function checkIncompletePacket(bytes: Buffer, version: number | undefined): void {
  const fixedHeader = readFixedHeader(bytes);
  if (!fixedHeader) return;
  const isConnect = fixedHeader.header >> 4 === packetType.connect;
  if (version === undefined && !isConnect) throw protocolError('first packet is not CONNECT'); // [MQTT-3.1.0-1] [v3 MQTT-3.1.0-1]
  if (version !== undefined && isConnect) throw protocolError('second CONNECT'); // [MQTT-3.1.0-2] [v3 MQTT-3.1.0-2]
  checkFixedHeader(fixedHeader, version ?? 4);
}

/** @throws ProtocolError if a client of this version may not send a packet with this fixed header. */
export function checkFixedHeader({ header, size, remaining, state }: FixedHeader, version: number): void {
  const type = header >> 4;
  if (type === 0 || serverPackets.has(type) || (type === packetType.auth && version < 5)) {
    throw protocolError(`a client may not send packet type ${type}`);
  }
  if (type === packetType.publish) checkPublishFlags(header & 0x0f);
  else checkReservedFlags(type, header & 0x0f, version);
  if (version === 5 && state === 'complete' && size - 1 > varintSize(remaining)) {
    throw malformedPacket('remaining length uses more bytes than necessary'); // [MQTT-1.5.5-1]; MQTT 3.1.1 allows it
  }
  const { min, max } = bodySizeOf(type, header, version);
  if (remaining > max || (state === 'complete' && remaining < min)) {
    throw malformedPacket(`packet type ${type} has a remaining length of ${remaining}`);
  }
}

function checkReservedFlags(type: number, flags: number, version: number): void {
  const expected = reservedFlags(type);
  if (flags === expected) return; // [MQTT-2.1.3-1] [v3 MQTT-2.2.2-2]
  // MQTT 3.1 lets a client set DUP in retransmissions of these packets (v3.1 section 2.1); 3.1.1 reserves the bit.
  if (version === 3 && expected !== 0 && flags === (expected | 0x08)) return;
  throw malformedPacket(`flags of packet type ${type} are ${flags}, not ${expected}`);
}

function checkPublishFlags(flags: number): void {
  const qos = (flags >> 1) & 0x03;
  if (qos === 3) throw malformedPacket('PUBLISH has QoS 3'); // [MQTT-3.3.1-4] [v3 MQTT-3.3.1-4]
  if (qos === 0 && flags & 0x08) throw malformedPacket('PUBLISH with QoS 0 has DUP'); // [MQTT-3.3.1-2] [v3 MQTT-3.3.1-2]
}

/** Returns the minimum and maximum Remaining Length of a packet type. */
function bodySizeOf(type: number, header: number, version: number): { readonly min: number; readonly max: number } {
  const any = Number.POSITIVE_INFINITY;
  switch (type) {
    case packetType.publish:
      return { min: (header & 0x06) > 0 ? 5 : 3, max: any };
    case packetType.puback:
    case packetType.pubrec:
    case packetType.pubrel:
    case packetType.pubcomp:
      return { min: 2, max: version < 5 ? 2 : any };
    case packetType.subscribe:
    case packetType.unsubscribe:
      return { min: version < 5 ? 2 : 3, max: any };
    case packetType.pingreq:
      return { min: 0, max: 0 };
    case packetType.disconnect:
      return { min: 0, max: version < 5 ? 0 : any };
    default:
      return { min: 0, max: any }; // the decoder checks CONNECT by its contents
  }
}
