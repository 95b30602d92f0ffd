import { malformedPacket, protocolError } from './errors';
import { packetType, reservedFlags } from './packet-types';

/** The first bytes of a packet, section 2.1. */
export interface FixedHeader {
  /** The first byte. */
  readonly header: number;
  /** Remaining Length, as far as its bytes are there. */
  readonly remaining: number;
  /** All bytes of the Remaining Length are there. */
  readonly isComplete: boolean;
  /** The Remaining Length has more bytes than it needs. */
  readonly isPadded: boolean;
}

/** Packets only a server sends. */
const serverPackets = new Set<number>([
  packetType.connack,
  packetType.suback,
  packetType.unsuback,
  packetType.pingresp,
]);

/**
 * Refuses a packet whose rest is still to come, if no rest can make it right: nobody should wait for that. `bytes` are the
 * beginning of the packet, `version` is what CONNECT said, undefined before.
 *
 * @throws ProtocolError
 */
export function checkIncompletePacket(bytes: Buffer, version: number | undefined): void {
  const [header] = bytes;
  if (header === undefined) return;
  const isConnect = header >> 4 === packetType.connect;
  if (version === undefined && !isConnect) throw protocolError('first packet is not CONNECT'); // [MQTT-3.1.0-1] [v3 MQTT-3.1.0-1]
  if (version !== undefined && isConnect) throw protocolError('second CONNECT'); // [MQTT-3.1.0-2] [v3 MQTT-3.1.0-2]
  checkFixedHeader({ header, ...readRemaining(bytes) }, version ?? 4);
}

function readRemaining(bytes: Buffer): Omit<FixedHeader, 'header'> {
  let remaining = 0;
  for (let index = 0; index < 4; index++) {
    const byte = bytes[1 + index];
    if (byte === undefined) break;
    remaining += (byte & 0x7f) * 128 ** index;
    if (byte < 0x80) return { remaining, isComplete: true, isPadded: index > 0 && byte === 0 };
  }
  return { remaining, isComplete: false, isPadded: false };
}

/** @throws ProtocolError for a packet that a client of this version may not send, whatever comes behind its fixed header. */
export function checkFixedHeader({ header, remaining, isComplete, isPadded }: FixedHeader, version: number): void {
  const type = header >> 4;
  if (type === 0 || serverPackets.has(type) || (type === packetType.auth && version < 5)) {
    throw protocolError(`a client may not send packet type ${type}`);
  }
  if (type === packetType.publish) checkPublishFlags(header & 0x0f);
  else checkReservedFlags(type, header & 0x0f, version);
  if (version === 5 && isPadded) {
    throw malformedPacket('remaining length has more bytes than it needs'); // [MQTT-1.5.5-1]; MQTT 3.1.1 allows it
  }
  const { least, most } = bodySizeOf(type, header, version);
  if (remaining > most || (isComplete && remaining < least)) {
    throw malformedPacket(`packet type ${type} has a remaining length of ${remaining}`);
  }
}

function checkReservedFlags(type: number, flags: number, version: number): void {
  const expected = reservedFlags(type);
  if (flags === expected) return; // [MQTT-2.1.3-1] [v3 MQTT-2.2.2-2]
  // MQTT 3.1 lets a client set DUP on these when it sends them again (v3.1 section 2.1); 3.1.1 reserves the bit.
  if (version === 3 && expected !== 0 && flags === (expected | 0x08)) return;
  throw malformedPacket(`flags of packet type ${type} are ${flags}, not ${expected}`);
}

function checkPublishFlags(flags: number): void {
  const qos = (flags >> 1) & 0x03;
  if (qos === 3) throw malformedPacket('PUBLISH has QoS 3'); // [MQTT-3.3.1-4] [v3 MQTT-3.3.1-4]
  if (qos === 0 && flags & 0x08) throw malformedPacket('PUBLISH with QoS 0 has DUP'); // [MQTT-3.3.1-2] [v3 MQTT-3.3.1-2]
}

/** Bytes behind the fixed header: the least that can be read, and the most that can be there. */
function bodySizeOf(type: number, header: number, version: number): { readonly least: number; readonly most: number } {
  const any = Number.POSITIVE_INFINITY;
  switch (type) {
    case packetType.publish:
      return { least: (header & 0x06) > 0 ? 5 : 3, most: any };
    case packetType.puback:
    case packetType.pubrec:
    case packetType.pubrel:
    case packetType.pubcomp:
      return { least: 2, most: version < 5 ? 2 : any };
    case packetType.subscribe:
    case packetType.unsubscribe:
      return { least: version < 5 ? 2 : 3, most: any };
    case packetType.pingreq:
      return { least: 0, most: 0 };
    case packetType.disconnect:
      return { least: 0, most: version < 5 ? 0 : any };
    default:
      return { least: 0, most: any }; // CONNECT says more about itself than its length does
  }
}
