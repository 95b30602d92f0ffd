import type { Effect, Message } from '../effects';
import type { PublishPacket } from '../packets';
import { isReservedTopic } from '../topic';

/** PUBLISH, section 3.3. QoS 2 keeps the message until PUBREL releases it. */
export function handlePublish(packet: PublishPacket): Effect[] {
  // Own it, then say so: a crash between the two costs a resend, never a message.
  return [...takeOver(packet), ...acknowledge(packet)];
}

function takeOver(packet: PublishPacket): Effect[] {
  // MQTT 3.1.1 has no word for "not allowed here" but a positive acknowledgement or the end of the connection [v3 MQTT-3.3.5-2].
  // Mosquitto acknowledges and drops, and so does this broker.
  if (isReservedTopic(packet.topic)) return [];

  const message = messageOf(packet);
  if (packet.qos < 2) return [{ do: 'accept', message }]; // [v3 MQTT-4.3.1-1] [v3 MQTT-4.3.2-2]
  return [{ do: 'hold', packetId: packet.messageId!, message }]; // a repeat finds it held [v3 MQTT-4.3.3-2]
}

function acknowledge(packet: PublishPacket): Effect[] {
  if (packet.qos === 0) return [];
  const cmd = packet.qos === 1 ? 'puback' : 'pubrec'; // [v3 MQTT-3.3.4-1]
  return [{ do: 'send', packet: { cmd, messageId: packet.messageId! } }]; // [v3 MQTT-2.3.1-6]
}

/** DUP stays behind: it speaks of this hop only [v3 MQTT-3.3.1-3]. */
function messageOf({ topic, payload, qos, retain }: PublishPacket): Message {
  return { topic, payload, qos, retain };
}
