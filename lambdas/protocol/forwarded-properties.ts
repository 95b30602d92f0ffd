import type { ForwardedProperties } from './effects';
import type { MessageProperties } from './packets';

/** Picks the properties that a message keeps on its way to the subscribers. Returns `{}` if there are none. */
export function forwardedProperties(properties: MessageProperties | undefined): { properties?: ForwardedProperties } {
  if (!properties) return {};
  const { payloadFormatIndicator, contentType, responseTopic, correlationData, userProperties } = properties;
  const forwarded: ForwardedProperties = {
    ...(payloadFormatIndicator !== undefined && { payloadFormatIndicator }),
    ...(contentType !== undefined && { contentType }),
    ...(responseTopic !== undefined && { responseTopic }),
    ...(correlationData !== undefined && { correlationData }),
    ...(userProperties !== undefined && { userProperties }),
  };
  return Object.keys(forwarded).length > 0 ? { properties: forwarded } : {};
}
