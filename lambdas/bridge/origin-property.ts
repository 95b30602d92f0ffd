import type { Message } from '../protocol/effects';
import type { UserProperties } from '../protocol/packets';

/** User property that says which broker sent a message to AWS IoT Core, so that it does not come back. */
export const originProperty = 'cirrus-mqtt-bridge';

export function withOrigin(message: Message, broker: string): Message {
  const { properties } = message;
  const userProperties: UserProperties = [...(properties?.userProperties ?? []), [originProperty, broker]];
  return { ...message, properties: { ...properties, userProperties } };
}

/** Whether it was this broker that sent a message out. */
export function isFromThisBroker(userProperties: UserProperties, broker: string): boolean {
  return userProperties.some(([name, value]) => name === originProperty && value === broker);
}
