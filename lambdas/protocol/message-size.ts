import { asciiJson } from './ascii-json';
import type { ForwardedProperties, Message } from './effects';

/** Returns the bytes of topic, payload and properties of a message, without the overhead of any format. */
export function messageSize({ topic, payload, properties }: Message): number {
  return Buffer.byteLength(topic) + payload.length + (properties ? propertiesSize(properties) : 0);
}

function propertiesSize({ contentType, responseTopic, correlationData, userProperties }: ForwardedProperties): number {
  const texts = [contentType ?? '', responseTopic ?? '', ...(userProperties ?? []).flat()];
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), correlationData?.length ?? 0);
}

/** Returns the bytes of a message as `asciiJson` in a queue, with binary values in base64, without the names of its binary fields. */
export function jsonSize({ payload, properties: { correlationData, ...properties } = {}, ...rest }: Message): number {
  const binary = payload.length + (correlationData?.length ?? 0);
  return asciiJson([rest, properties]).length + Math.ceil((binary * 4) / 3);
}
