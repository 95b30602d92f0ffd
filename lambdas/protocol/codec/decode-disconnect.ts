import type { DisconnectPacket, DisconnectProperties } from '../packets';
import { Reason } from '../reason-codes';
import type { PacketReader } from './packet-reader';
import { allow, readProperties } from './read-properties';
import { readReason } from './read-reason';

const allowed = allow<DisconnectProperties>(
  'sessionExpiryInterval',
  'reasonString',
  'userProperties',
  'serverReference',
);

/** Reason codes that a client may use, table 3-10 [MQTT-3.14.2-1]. */
const reasons = new Set<number>([
  Reason.success,
  Reason.disconnectWithWill,
  Reason.unspecifiedError,
  Reason.malformedPacket,
  Reason.protocolError,
  Reason.implementationSpecificError,
  Reason.topicNameInvalid,
  Reason.receiveMaximumExceeded,
  Reason.topicAliasInvalid,
  Reason.packetTooLarge,
  Reason.messageRateTooHigh,
  Reason.quotaExceeded,
  Reason.administrativeAction,
  Reason.payloadFormatInvalid,
]);

/** DISCONNECT, section 3.14. */
export function decodeDisconnect(reader: PacketReader, version: number): DisconnectPacket {
  if (version !== 5) return { cmd: 'disconnect' };
  if (reader.remainingBytes === 0) return { cmd: 'disconnect', reasonCode: Reason.success };
  const reasonCode = readReason('disconnect', reader, reasons);
  const properties = reader.remainingBytes > 0 ? readProperties<DisconnectProperties>(reader, allowed) : undefined;
  return { cmd: 'disconnect', reasonCode, ...(properties && { properties }) };
}
