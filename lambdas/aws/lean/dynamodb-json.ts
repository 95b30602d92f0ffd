import type { JsonService } from './json-client';

/** DynamoDB in AWS's JSON protocol. */
export const dynamoDbService: JsonService = { name: 'dynamodb', target: 'DynamoDB_20120810' };

/** Writes the input of an SDK command as JSON. Binary values become base64, because JSON has no bytes. */
export function toDynamoDbJson(input: object): string {
  return JSON.stringify(withBase64(input));
}

function withBase64(value: unknown): unknown {
  if (value instanceof Uint8Array) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
  }
  if (Array.isArray(value)) return value.map(withBase64);
  if (typeof value !== 'object' || value === null) return value;
  const copy: Record<string, unknown> = {};
  for (const name of Object.keys(value)) copy[name] = withBase64((value as Record<string, unknown>)[name]);
  return copy;
}

/**
 * Reads a response in the form that the SDK's command returns. A string under `B` is binary: an attribute named `B` holds an
 * object with its type instead.
 */
export function fromDynamoDbJson(body: string): unknown {
  if (!body.includes('"B"')) return JSON.parse(body);
  return JSON.parse(body, (name, value: unknown) =>
    name === 'B' && typeof value === 'string' ? Buffer.from(value, 'base64') : value,
  );
}
