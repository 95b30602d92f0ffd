import type { SubscribePacket, SubscribeProperties, Subscription } from '../packets';
import { isShared } from '../topic-filter';
import { malformedPacket, protocolError } from './errors';
import { readPacketId } from './packet-id';
import type { PacketReader } from './packet-reader';
import { allow, readProperties } from './read-properties';

const allowed = allow<SubscribeProperties>('subscriptionIdentifier', 'userProperties');

/** SUBSCRIBE, section 3.8. The packet handler checks the topic filters. */
export function decodeSubscribe(reader: PacketReader, version: number): SubscribePacket {
  const messageId = readPacketId(reader, version);
  const properties = version === 5 ? readProperties<SubscribeProperties>(reader, allowed) : undefined;
  const subscriptions: Subscription[] = [];
  while (reader.remainingBytes > 0) {
    const topic = reader.text('topic filter'); // [MQTT-3.8.3-1] [v3 MQTT-3.8.3-1]
    const options = reader.byte('subscription options');
    subscriptions.push(version === 5 ? readOptions(topic, options) : readQos(topic, options));
  }
  if (subscriptions.length === 0) throw protocolError('SUBSCRIBE without a topic filter'); // [MQTT-3.8.3-2] [v3 MQTT-3.8.3-3]
  return { cmd: 'subscribe', messageId, subscriptions, ...(properties && { properties }) };
}

function readQos(topic: string, qos: number): Subscription {
  if (qos === 0 || qos === 1 || qos === 2) return { topic, qos };
  throw malformedPacket('QoS of a subscription is above 2 or has a reserved bit'); // [v3 MQTT-3.8.3-4]
}

/** Reads Subscription Options, section 3.8.3.1. */
function readOptions(topic: string, options: number): Subscription {
  const qos = options & 0x03;
  const nl = (options & 0x04) !== 0;
  const rap = (options & 0x08) !== 0;
  const rh = (options >> 4) & 0x03;
  if (options > 0x3f) throw malformedPacket('subscription options have a reserved bit'); // [MQTT-3.8.3-5]
  if (qos === 3) throw protocolError('subscription has QoS 3');
  if (rh === 3) throw protocolError('subscription has Retain Handling 3');
  if (nl && isShared(topic)) throw protocolError('shared subscription has No Local'); // [MQTT-3.8.3-4]
  return { topic, qos, nl, rap, rh } as Subscription;
}
