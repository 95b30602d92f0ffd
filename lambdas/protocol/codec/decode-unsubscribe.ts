import type { UnsubscribePacket, UnsubscribeProperties } from '../packets';
import { protocolError } from './errors';
import { readPacketId } from './packet-id';
import type { PacketReader } from './packet-reader';
import { allow, readProperties } from './read-properties';

const allowed = allow<UnsubscribeProperties>('userProperties');

/** UNSUBSCRIBE, section 3.10. The packet handler checks the topic filters. */
export function decodeUnsubscribe(reader: PacketReader, version: number): UnsubscribePacket {
  const messageId = readPacketId(reader, version);
  const properties = version === 5 ? readProperties<UnsubscribeProperties>(reader, allowed) : undefined;
  const unsubscriptions: string[] = [];
  while (reader.remainingBytes > 0) unsubscriptions.push(reader.text('topic filter')); // [MQTT-3.10.3-1] [v3 MQTT-3.10.3-1]
  if (unsubscriptions.length === 0) throw protocolError('UNSUBSCRIBE without a topic filter'); // [MQTT-3.10.3-2] [v3 MQTT-3.10.3-2]
  return { cmd: 'unsubscribe', messageId, unsubscriptions, ...(properties && { properties }) };
}
