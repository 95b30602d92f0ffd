import { malformed, violation } from './errors';
import { packetType, reservedFlags } from './packet-types';
import { type FixedHeader, readFixedHeader } from './read-fixed-header';
import { varintSize } from './varint';

/** Packets only a server sends. */
const ofServers = new Set<number>([packetType.connack, packetType.suback, packetType.unsuback, packetType.pingresp]);

/**
 * Refuses a packet whose rest is still to come, if no rest can make it right: nobody should wait for that. `bytes` are the
 * beginning of the packet, `version` is what CONNECT said, undefined before.
 *
 * @throws ProtocolError
 */
export function checkBeginning(bytes: Buffer, version: number | undefined): void {
  const fixedHeader = readFixedHeader(bytes);
  if (!fixedHeader) return;
  const isConnect = fixedHeader.header >> 4 === packetType.connect;
  if (version === undefined && !isConnect) throw violation('first packet is not CONNECT'); // [MQTT-3.1.0-1] [v3 MQTT-3.1.0-1]
  if (version !== undefined && isConnect) throw violation('second CONNECT'); // [MQTT-3.1.0-2] [v3 MQTT-3.1.0-2]
  checkFixedHeader(fixedHeader, version ?? 4);
}

/** @throws ProtocolError for a packet that a client of this version may not send, whatever comes behind its fixed header. */
export function checkFixedHeader({ header, size, remaining, state }: FixedHeader, version: number): void {
  const type = header >> 4;
  if (type === 0 || ofServers.has(type) || (type === packetType.auth && version < 5)) {
    throw violation(`a client may not send packet type ${type}`);
  }
  if (type === packetType.publish) checkPublishFlags(header & 0x0f);
  else checkReservedFlags(type, header & 0x0f, version);
  if (version === 5 && state === 'complete' && size - 1 > varintSize(remaining)) {
    throw malformed('remaining length has more bytes than it needs'); // [MQTT-1.5.5-1]; MQTT 3.1.1 allows it
  }
  const { least, most } = bodyOf(type, header, version);
  if (remaining > most || (state === 'complete' && remaining < least)) {
    throw malformed(`packet type ${type} has a remaining length of ${remaining}`);
  }
}

function checkReservedFlags(type: number, flags: number, version: number): void {
  const expected = reservedFlags(type);
  if (flags === expected) return; // [MQTT-2.1.3-1] [v3 MQTT-2.2.2-2]
  // MQTT 3.1 lets a client set DUP on these when it sends them again (v3.1 section 2.1); 3.1.1 reserves the bit.
  if (version === 3 && expected !== 0 && flags === (expected | 0x08)) return;
  throw malformed(`flags of packet type ${type} are ${flags}, not ${expected}`);
}

function checkPublishFlags(flags: number): void {
  const qos = (flags >> 1) & 0x03;
  if (qos === 3) throw malformed('PUBLISH has QoS 3'); // [MQTT-3.3.1-4] [v3 MQTT-3.3.1-4]
  if (qos === 0 && flags & 0x08) throw malformed('PUBLISH with QoS 0 has DUP'); // [MQTT-3.3.1-2] [v3 MQTT-3.3.1-2]
}

/** Bytes behind the fixed header: the least that can be read, and the most that can be there. */
function bodyOf(type: number, header: number, version: number): { readonly least: number; readonly most: number } {
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
