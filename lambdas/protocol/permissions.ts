import type { Message } from './effects';
import type { QoS } from './packets';

/** The fields of a PUBLISH that permissions depend on. */
export type PublishRequest = Pick<Message, 'topic' | 'qos' | 'retain'>;

/** Decides which topics a client may use. Packet handlers only ask; `access` implements it. */
export interface Permissions {
  /** True if the client may publish to this topic with this QoS and RETAIN flag. */
  mayPublish(message: PublishRequest): boolean;
  /** Returns the maximum QoS that the client may subscribe to a topic filter with; undefined if it may not subscribe. */
  subscribeQos(filter: string): QoS | undefined;
  /** True if messages of this topic may be delivered to the client, at any granted QoS. */
  mayReceive(topic: string): boolean;
}

/** Permissions of a broker without access rules. */
export const allowEverything: Permissions = {
  mayPublish: () => true,
  subscribeQos: () => 2,
  mayReceive: () => true,
};
