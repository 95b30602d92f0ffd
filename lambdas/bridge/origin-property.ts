import type { Message } from '../protocol/effects';
import type { UserProperties } from '../protocol/packets';

/** User Property that names the broker that sent a message to AWS IoT Core. It prevents loops. */
export const originProperty = 'cirrus-mqtt-bridge';

export function withOrigin(message: Message, broker: string): Message {
  const { properties } = message;
  const userProperties: UserProperties = [...(properties?.userProperties ?? []), [originProperty, broker]];
  return { ...message, properties: { ...properties, userProperties } };
}

/** Checks whether this broker sent the message to AWS IoT Core. */
export function isFromThisBroker(userProperties: UserProperties, broker: string): boolean {
  return userProperties.some(([name, value]) => name === originProperty && value === broker);
}
