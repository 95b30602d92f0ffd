import type { Message } from './effects';
import type { QoS } from './packets';

/** The fields of a PUBLISH that permissions depend on. */
export type PublishRequest = Pick<Message, 'topic' | 'qos' | 'retain'>;

/** What a client may do. Whoever decides it, the packet handlers only ask. */
export interface Permissions {
  /** Whether a message may be published: to this topic, at this QoS, retained or not. */
  mayPublish(message: PublishRequest): boolean;
  /** The highest QoS at which a topic filter may be subscribed to; undefined when it may not. */
  subscribeQos(filter: string): QoS | undefined;
  /** Whether a message published to a topic may be delivered, at whatever QoS was granted. */
  mayReceive(topic: string): boolean;
}

/** Where there is nothing to decide. */
export const allowEverything: Permissions = {
  mayPublish: () => true,
  subscribeQos: () => 2,
  mayReceive: () => true,
};
