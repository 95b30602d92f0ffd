import type { AcknowledgementPacket, ReasonProperties } from '../packets';
import { Reason } from '../reason-codes';
import { readPacketId } from './packet-id';
import type { PacketReader } from './packet-reader';
import { allow, readProperties } from './read-properties';
import { readReason } from './read-reason';

const allowed = allow<ReasonProperties>('reasonString', 'userProperties');

// Clients do not use noMatchingSubscribers, except a Mosquitto bridge.
const received = new Set<number>([
  Reason.success,
  Reason.noMatchingSubscribers,
  Reason.unspecifiedError,
  Reason.implementationSpecificError,
  Reason.notAuthorized,
  Reason.topicNameInvalid,
  Reason.packetIdentifierInUse,
  Reason.quotaExceeded,
  Reason.payloadFormatInvalid,
]);
const released = new Set<number>([Reason.success, Reason.packetIdentifierNotFound]);

/** [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1] */
const reasons = { puback: received, pubrec: received, pubrel: released, pubcomp: released } as const;

/** PUBACK, PUBREC, PUBREL and PUBCOMP, sections 3.4 to 3.7. */
export function decodeAcknowledgement(
  cmd: AcknowledgementPacket['cmd'],
  reader: PacketReader,
  version: number,
): AcknowledgementPacket {
  const messageId = readPacketId(reader, version);
  if (version !== 5) return { cmd, messageId };
  if (reader.remainingBytes === 0) return { cmd, messageId, reasonCode: Reason.success };
  const reasonCode = readReason(cmd, reader, reasons[cmd]);
  const properties = reader.remainingBytes > 0 ? readProperties<ReasonProperties>(reader, allowed) : undefined;
  return { cmd, messageId, reasonCode, ...(properties && { properties }) };
}
