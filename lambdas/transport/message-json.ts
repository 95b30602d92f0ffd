import type { ForwardedProperties, Message } from '../protocol/effects';

/** JSON of a message. Binary values are base64. */
export type MessageJson = Omit<Message, 'payload' | 'properties'> & {
  readonly payload: string;
  readonly properties?: Omit<ForwardedProperties, 'correlationData'> & { readonly correlationData?: string };
};

export function toJson({ payload, properties, ...rest }: Message): MessageJson {
  if (!properties) return { ...rest, payload: payload.toString('base64') };
  const { correlationData, ...plain } = properties;
  const correlation = correlationData ? { correlationData: correlationData.toString('base64') } : {};
  return { ...rest, payload: payload.toString('base64'), properties: { ...plain, ...correlation } };
}

export function fromJson({ payload, properties, ...rest }: MessageJson): Message {
  if (!properties) return { ...rest, payload: Buffer.from(payload, 'base64') };
  const { correlationData, ...plain } = properties;
  const correlation = correlationData === undefined ? {} : { correlationData: Buffer.from(correlationData, 'base64') };
  return { ...rest, payload: Buffer.from(payload, 'base64'), properties: { ...plain, ...correlation } };
}
