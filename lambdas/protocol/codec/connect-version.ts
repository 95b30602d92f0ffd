import type { ProtocolVersion } from '../packets';
import { fixedHeaderSize } from './read-fixed-header';

/** Where CONNECT has its protocol level, behind the protocol name `MQTT`; its fixed header has two to five bytes before. */
const levelAfterName = 6;

/**
 * The version in which a client is answered whose CONNECT cannot be read: what it says itself, as far as that can be told.
 * `packet` is one whole packet of any kind.
 */
export function connectVersion(packet: Buffer): ProtocolVersion {
  const start = fixedHeaderSize(packet);
  const isConnect =
    (packet[0] ?? 0) >> 4 === 1 && packet.subarray(start + 2, start + levelAfterName).equals(protocolName);
  return isConnect && packet[start + levelAfterName] === 5 ? 5 : 4;
}

const protocolName = Buffer.from('MQTT');
