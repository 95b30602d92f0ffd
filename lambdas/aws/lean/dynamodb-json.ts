import { JsonClient, type LeanClientOptions } from './json-client';

/** DynamoDB in its JSON protocol, with bytes for its binary values. It holds no code of the SDK. */
export class DynamoDbJson {
  private readonly client: JsonClient;

  constructor(options: LeanClientOptions) {
    this.client = new JsonClient({ name: 'dynamodb', target: 'DynamoDB_20120810' }, options);
  }

  /** Input and output as the SDK's command of the operation has them. @throws ServiceError */
  async call(operation: string, input: object): Promise<unknown> {
    return parse(await this.client.call(operation, JSON.stringify(withBase64(input))));
  }
}

/** The input with its binary values in base64, as JSON has none. */
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

/** A string under `B` is binary: an attribute that is called so has a type, and so an object, under its name. */
function parse(body: string): unknown {
  if (!body.includes('"B"')) return JSON.parse(body);
  return JSON.parse(body, (name, value: unknown) =>
    name === 'B' && typeof value === 'string' ? Buffer.from(value, 'base64') : value,
  );
}
