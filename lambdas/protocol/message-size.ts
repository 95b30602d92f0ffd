import type { ForwardedProperties, Message } from './effects';

/** Bytes of all that a message carries, without what any format adds around it. */
export function messageSize({ topic, payload, properties }: Message): number {
  return Buffer.byteLength(topic) + payload.length + (properties ? propertiesSize(properties) : 0);
}

function propertiesSize({ contentType, responseTopic, correlationData, userProperties }: ForwardedProperties): number {
  const texts = [contentType ?? '', responseTopic ?? '', ...(userProperties ?? []).flat()];
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), correlationData?.length ?? 0);
}
