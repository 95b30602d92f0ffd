import type { Message } from '../protocol/effects';
import type { UserProperties } from '../protocol/packets';

/** User property that says which broker sent a message to AWS IoT Core, so that it does not come back. */
export const markProperty = 'cirrus-mqtt-bridge';

export function marked(message: Message, broker: string): Message {
  const { properties } = message;
  const userProperties: UserProperties = [...(properties?.userProperties ?? []), [markProperty, broker]];
  return { ...message, properties: { ...properties, userProperties } };
}

/** Whether it was this broker that sent a message out. */
export function isOwn(userProperties: UserProperties, broker: string): boolean {
  return userProperties.some(([name, value]) => name === markProperty && value === broker);
}
