import { setTimeout as sleep } from 'node:timers/promises';
import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { type HttpAnswer, HttpSender } from './http-sender';
import { type Credentials, Signer } from './signature';

export interface LeanClientOptions {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: Credentials;
  /** Attempts at one call that is throttled, fails on the service's side or gets no answer. With 1 nothing is repeated. */
  readonly maxAttempts: number;
}

/** What the stores ask of a client of DynamoDB. The SDK's own client is one. */
export type DynamoDb = Pick<DynamoDBClient, 'send'>;

/** Longest first pause before a call is repeated, in milliseconds; it doubles each time. */
const firstPause = 25;
const longestPause = 1000;

/** Names of the operations. Those of the classes do not survive minification. */
const operations = new Map<unknown, string>([
  [BatchGetItemCommand, 'BatchGetItem'],
  [BatchWriteItemCommand, 'BatchWriteItem'],
  [DeleteItemCommand, 'DeleteItem'],
  [GetItemCommand, 'GetItem'],
  [PutItemCommand, 'PutItem'],
  [QueryCommand, 'Query'],
  [UpdateItemCommand, 'UpdateItem'],
]);

const retryable = new Set([
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'ThrottlingException',
  'InternalServerError',
  'ServiceUnavailable',
]);

/** DynamoDB refused a call; `name` is the service's name of the error. */
export class DynamoDbError extends Error {
  constructor(
    override readonly name: string,
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

interface Command {
  readonly input: object;
}

/**
 * Sends the SDK's own commands without the SDK's layers: the same JSON, signature, retries and errors, at a fifth of the
 * processor time, which on Lambda is both money and latency (ADR 0010).
 */
export class LeanDynamoDb {
  private readonly http: HttpSender;
  private readonly signer: Signer;
  private readonly attempts: number;

  constructor({ endpoint, region, credentials, maxAttempts }: LeanClientOptions) {
    this.http = new HttpSender(new URL(endpoint), maxAttempts > 1);
    this.signer = new Signer(credentials, region, 'dynamodb');
    this.attempts = maxAttempts;
  }

  /** Has the signature of the SDK's `send` for those who hold it as a `DynamoDb`. */
  readonly send = (async (command: Command): Promise<unknown> => {
    const operation = operations.get(command.constructor);
    if (!operation) throw new Error(`${command.constructor.name} is not among the commands of the stores`);
    const body = JSON.stringify(withBase64(command.input));
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.call(operation, body).then(toOutcome, (error: Error) => ({ error }));
      if ('output' in outcome) return outcome.output;
      if (attempt === this.attempts || !isRetryable(outcome.error)) throw outcome.error;
      await sleep(Math.random() * Math.min(longestPause, firstPause * 2 ** attempt));
    }
  }) as DynamoDb['send'];

  private async call(operation: string, body: string): Promise<HttpAnswer> {
    const headers = {
      'content-length': String(Buffer.byteLength(body)),
      'content-type': 'application/x-amz-json-1.0',
      host: this.http.host,
      'x-amz-target': `DynamoDB_20120810.${operation}`,
    };
    const request = { method: 'POST', path: '/', headers, body };
    return this.http.send({ ...request, headers: this.signer.sign(request, new Date()) });
  }
}

/** Not told apart by `instanceof Error`: errors of Node's own may be of another realm. */
type Outcome = { readonly output: unknown } | { readonly error: Error };

function toOutcome({ status, body }: HttpAnswer): Outcome {
  return status === 200 ? { output: parse(body) } : { error: refusal(status, body) };
}

function refusal(status: number, body: string): Error {
  const { __type: type = '', message = '', Message = message } = errorOf(body);
  const name = type.slice(type.lastIndexOf('#') + 1);
  if (name !== 'ConditionalCheckFailedException') return new DynamoDbError(name || `HTTP ${status}`, Message, status);
  return new ConditionalCheckFailedException({ message: Message, $metadata: { httpStatusCode: status } });
}

/** A proxy on the way may answer with anything. */
function errorOf(body: string): { __type?: string; message?: string; Message?: string } {
  try {
    return JSON.parse(body) as object;
  } catch {
    return {};
  }
}

/** What is no answer of the service is a broken connection, and worth another attempt. */
function isRetryable(error: Error): boolean {
  if (error instanceof ConditionalCheckFailedException) return false;
  return !(error instanceof DynamoDbError) || error.status >= 500 || retryable.has(error.name);
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
