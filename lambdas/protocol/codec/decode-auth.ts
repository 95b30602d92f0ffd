import type { AuthPacket, AuthProperties } from '../packets';
import { Reason } from '../reason-codes';
import { protocolError } from './errors';
import type { PacketReader } from './packet-reader';
import { allow, readProperties } from './read-properties';
import { readReason } from './read-reason';

const allowed = allow<AuthProperties>('authenticationMethod', 'authenticationData', 'reasonString', 'userProperties');

/** Reason codes that a client may use, table 3-11 [MQTT-3.15.2-1]. */
const reasons = new Set<number>([Reason.continueAuthentication, Reason.reAuthenticate]);

/** AUTH, section 3.15. The short form without a body means Success, which only a server may send. */
export function decodeAuth(reader: PacketReader): AuthPacket {
  if (reader.remainingBytes === 0) throw protocolError('a client sent AUTH with reason code 0x00');
  const reasonCode = readReason('auth', reader, reasons);
  const properties = readProperties<AuthProperties>(reader, allowed);
  if (properties?.authenticationMethod === undefined) throw protocolError('AUTH without an authentication method'); // section 3.15.2.2.2
  return { cmd: 'auth', reasonCode, properties };
}
