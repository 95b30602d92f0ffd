import type { ProtocolVersion } from '../packets';
import { fixedHeaderSize } from './read-fixed-header';

/** Offset of the Protocol Level in CONNECT, from the end of the fixed header, for the protocol name `MQTT`. */
const levelAfterName = 6;

/**
 * Returns the protocol version of the response to a CONNECT that cannot be decoded: 5 if its Protocol Level is 5, otherwise 4. `packet` is
 * one whole packet of any type.
 */
export function connectVersion(packet: Buffer): ProtocolVersion {
  const start = fixedHeaderSize(packet);
  const isConnect =
    (packet[0] ?? 0) >> 4 === 1 && packet.subarray(start + 2, start + levelAfterName).equals(protocolName);
  return isConnect && packet[start + levelAfterName] === 5 ? 5 : 4;
}

const protocolName = Buffer.from('MQTT');
