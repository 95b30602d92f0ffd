import { asciiJson } from './ascii-json';
import type { ForwardedProperties, Message } from './effects';

/** Bytes of all that a message carries, without what any format adds around it. */
export function messageSize({ topic, payload, properties }: Message): number {
  return Buffer.byteLength(topic) + payload.length + (properties ? propertiesSize(properties) : 0);
}

function propertiesSize({ contentType, responseTopic, correlationData, userProperties }: ForwardedProperties): number {
  const texts = [contentType ?? '', responseTopic ?? '', ...(userProperties ?? []).flat()];
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), correlationData?.length ?? 0);
}

/** Bytes of a message as `asciiJson` in a queue, binary values in base64, without the names of its fields. */
export function jsonSize({ payload, properties: { correlationData, ...properties } = {}, ...rest }: Message): number {
  const binary = payload.length + (correlationData?.length ?? 0);
  return asciiJson([rest, properties]).length + Math.ceil((binary * 4) / 3);
}
