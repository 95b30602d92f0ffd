import type { Message } from './effects';
import type { PublishPacket, QoS } from './packets';

/** How one message goes to one client. */
export interface Delivery {
  /** Downgraded already. */
  readonly qos: QoS;
  /** Present exactly when `qos` is 1 or 2. */
  readonly packetId?: number;
  readonly dup: boolean;
  /** True only for a retained message sent because of a new subscription [v3 MQTT-3.3.1-8] [v3 MQTT-3.3.1-9]. */
  readonly retain: boolean;
}

/** The PUBLISH that delivers a message to a client. */
export function toPublish(message: Message, { qos, packetId, dup, retain }: Delivery): PublishPacket {
  return { cmd: 'publish', topic: message.topic, payload: message.payload, qos, messageId: packetId, dup, retain };
}

/** A message goes out at the lower of the QoS it was published with and the QoS granted [v3 MQTT-3.8.4-6]. */
export function downgrade(published: QoS, granted: QoS): QoS {
  return published < granted ? published : granted;
}
