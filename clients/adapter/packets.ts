import { encode } from '../../lambdas/protocol/codec/encode';
import { fixedHeaderSize } from '../../lambdas/protocol/codec/read-fixed-header';
import type { ProtocolVersion } from '../../lambdas/protocol/packets';
import { connackCode, Reason } from '../../lambdas/protocol/reason-codes';
import { connackProperty, connackPropertyAt, DISCONNECT, PINGRESP, uint16 } from '../packet-fields';

export const pingreq = Buffer.from('c000', 'hex');
export const pingresp = Buffer.from(PINGRESP);
/** DISCONNECT with reason code 0x00, in any version. */
export const disconnect = Buffer.from(DISCONNECT);

/** Control packet type, section 2.1.2. */
export function typeOf(packet: Buffer): number {
  return packet[0]! >> 4;
}

/** Variable header and payload. */
export function bodyOf(packet: Buffer): Buffer {
  return packet.subarray(fixedHeaderSize(packet));
}

/** A CONNACK that refuses a client. MQTT 3.1.1 has fewer codes (section 3.2.2.3): "Server unavailable" stands for all others. */
export function refusingConnack(version: ProtocolVersion, reasonCode: number): Buffer {
  const returnCode = connackCode(reasonCode) ?? connackCode(Reason.serverUnavailable);
  return encode({ cmd: 'connack', sessionPresent: false, reasonCode, returnCode }, version);
}

/** DISCONNECT of a server, MQTT 5.0 only. */
export function serverDisconnect(reasonCode: number): Buffer {
  return encode({ cmd: 'disconnect', reasonCode }, 5);
}

/** True if a CONNACK of any version accepts the client: both the return code and the reason code of success are 0. */
export function isAccepting(connack: Buffer): boolean {
  return bodyOf(connack)[1] === 0;
}

/** Server Keep Alive of a CONNACK of MQTT 5.0 in seconds, section 3.2.2.3.14. */
export function serverKeepAliveOf(connack: Buffer): number | undefined {
  const at = connackPropertyAt(connack, connackProperty.serverKeepAlive);
  return at === undefined ? undefined : uint16(connack, at);
}
