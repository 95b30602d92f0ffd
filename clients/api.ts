import { SignatureV4 } from '@smithy/signature-v4';
import type {
  ApiClient,
  ApiClientDetails,
  ApiMessage,
  DirectMessage,
  DirectResult,
  Page,
  PageOptions,
  PublishResult,
  RetainedMessage,
  RetainedSummary,
} from './api-types';
import { encodeBase64 } from './base64';

export type * from './api-types';

/** Credentials of AWS with the permission `execute-api:Invoke`. */
export interface ApiCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Options of a `BrokerApi`. */
export interface BrokerApiOptions {
  /** URL of the API: the stack's output `ApiUrl`. */
  readonly url: string;
  /** URL of a proxy that forwards requests to `url`, with the same paths. Requests are signed for `url` and sent here. */
  readonly via?: string;
  /** AWS region; by default the one in the URL. */
  readonly region?: string;
  /** Credentials, or a credential provider of the AWS SDK. */
  readonly credentials: ApiCredentials | (() => Promise<ApiCredentials>);
}

/** One invalid part of a request. */
export interface RequestError {
  /** JSON pointer to the part. */
  readonly pointer: string;
  readonly detail: string;
}

/** The fields of a `BrokerApiError`. */
export interface BrokerApiProblem {
  /** HTTP status. */
  readonly status: number;
  /** One of the codes in docs/api.md; `forbidden` if IAM denies the request. */
  readonly code: string;
  readonly errors?: readonly RequestError[];
}

/** The API refused a request, or it failed. */
export class BrokerApiError extends Error implements BrokerApiProblem {
  override readonly name = 'BrokerApiError';
  readonly status: number;
  readonly code: string;
  readonly errors: readonly RequestError[];

  constructor(message: string, { status, code, errors = [] }: BrokerApiProblem) {
    super(message);
    this.status = status;
    this.code = code;
    this.errors = errors;
  }
}

/** Option of requests that must not take effect twice. */
export interface KeyOption {
  /** A repeated request with the same key returns the first response, without another effect. */
  readonly idempotencyKey?: string;
}

/**
 * Client of the broker's HTTP API: publishes messages, and manages clients and retained messages. It runs in Node and in browsers.
 * Every method rejects with a `BrokerApiError` if the API refuses the request.
 *
 * @example
 * const api = new BrokerApi({
 *   url: 'https://abc123.execute-api.eu-west-1.amazonaws.com/api',
 *   credentials: {
 *     accessKeyId: process.env.AWS_ACCESS_KEY_ID!,
 *     secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY!,
 *     sessionToken: process.env.AWS_SESSION_TOKEN,
 *   },
 * });
 * const { subscribers } = await api.publish({ topic: 'devices/lamp-7/command', payload: 'on', qos: 1 });
 * if (!subscribers) console.log('no subscription matches');
 * for await (const { clientId, connected } of api.clients()) console.log(clientId, connected);
 */
export class BrokerApi {
  private readonly base: URL;
  private readonly via: URL;
  private readonly signer: SignatureV4;

  constructor({ url, via = url, region, credentials }: BrokerApiOptions) {
    this.base = new URL(url);
    this.via = new URL(via);
    this.signer = new SignatureV4({
      service: 'execute-api',
      region: region ?? regionIn(this.base),
      credentials,
      sha256: Sha256,
    });
  }

  /**
   * Publishes a message. Resolves when the broker has stored it, as PUBACK does.
   *
   * @throws BrokerApiError with the code `message-refused` if MQTT does not allow the message
   */
  publish(message: ApiMessage, options?: KeyOption): Promise<{ status: 'accepted'; subscribers: boolean }> {
    return this.post('/messages', toJson(message), options);
  }

  /** Publishes up to 100 messages; the results have the same order. */
  async publishAll(messages: readonly ApiMessage[], options?: KeyOption): Promise<PublishResult[]> {
    const { results } = await this.post<{ results: PublishResult[] }>(
      '/messages',
      { messages: messages.map(toJson) },
      options,
    );
    return results;
  }

  /** Sends a message to one client, which needs no subscription. */
  sendToClient(clientId: string, message: DirectMessage, options?: KeyOption): Promise<DirectResult> {
    return this.post(`/clients/${inPath(clientId)}/messages`, toJson(message), options);
  }

  /** All clients; the pages are requested one after the other. */
  clients(options: Pick<PageOptions, 'limit'> = {}): AsyncGenerator<ApiClient, void, undefined> {
    return allPages((cursor) => this.clientPage({ ...options, cursor }));
  }

  clientPage(options: PageOptions = {}): Promise<Page<ApiClient>> {
    return this.call('GET', '/clients', { query: { ...options } });
  }

  client(clientId: string): Promise<ApiClientDetails> {
    return this.call('GET', `/clients/${inPath(clientId)}`);
  }

  /** Disconnects a client. Resolves when the request is stored; the client is disconnected a moment later. */
  disconnect(
    clientId: string,
    options: { readonly will?: 'publish' | 'discard'; readonly session?: 'keep' | 'remove' } = {},
  ): Promise<{ clientId: string; connected: boolean }> {
    return this.call('DELETE', `/clients/${inPath(clientId)}`, { query: options });
  }

  /** All retained messages, or those whose topics match a filter; the pages are requested one after the other. */
  retained(
    options: Pick<PageOptions, 'limit'> & { readonly filter?: string } = {},
  ): AsyncGenerator<RetainedSummary, void, undefined> {
    return allPages((cursor) => this.retainedPage({ ...options, cursor }));
  }

  retainedPage(options: PageOptions & { readonly filter?: string } = {}): Promise<Page<RetainedSummary>> {
    return this.call('GET', '/retained', { query: { ...options } });
  }

  retainedMessage(topic: string): Promise<RetainedMessage> {
    return this.call('GET', `/retained/${inPath(topic)}`);
  }

  deleteRetained(topic: string): Promise<void> {
    return this.call('DELETE', `/retained/${inPath(topic)}`);
  }

  private post<Body>(path: string, body: unknown, { idempotencyKey }: KeyOption = {}): Promise<Body> {
    const headers: Record<string, string> = idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey };
    return this.call('POST', path, { body: JSON.stringify(body), headers });
  }

  private async call<Body>(method: string, path: string, { query = {}, body, headers = {} }: Content = {}) {
    const given = Object.entries(query).filter(([, value]) => value !== undefined);
    const parameters = Object.fromEntries(given.map(([name, value]) => [name, String(value)]));
    const url = new URL(this.base.pathname.replace(/\/$/, '') + path, this.base);
    const signed = await this.signer.sign({
      method,
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      query: parameters,
      headers: { ...headers, host: url.host, ...(body !== undefined && { 'content-type': 'application/json' }) },
      body,
    });
    const { host: _setByFetch, ...rest } = signed.headers;
    const target = new URL(this.via.pathname.replace(/\/$/, '') + path, this.via);
    target.search = new URLSearchParams(parameters).toString().replaceAll('+', '%20');
    return bodyOf<Body>(await fetch(target, { method, headers: rest, body }));
  }
}

interface Content {
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

async function bodyOf<Body>(response: Response): Promise<Body> {
  const text = await response.text();
  if (response.ok) return (text === '' ? undefined : JSON.parse(text)) as Body;
  throw errorOf(response.status, text);
}

interface ProblemBody {
  readonly code?: string;
  readonly title?: string;
  readonly detail?: string;
  readonly message?: string;
  readonly errors?: readonly RequestError[];
}

function errorOf(status: number, text: string): BrokerApiError {
  const { code, title, detail, message, errors } = problemIn(text);
  const parts = [title ?? message ?? `HTTP ${status}`, detail, ...(errors ?? []).map(describe)];
  const defaultCode = status === 403 ? 'forbidden' : `http-${status}`;
  return new BrokerApiError(parts.filter(Boolean).join(': '), { status, code: code ?? defaultCode, errors });
}

function describe({ pointer, detail }: RequestError): string {
  return `${pointer} ${detail}`.trim();
}

/** A proxy may respond with anything, so that the body need not be JSON. */
function problemIn(text: string): ProblemBody {
  try {
    return JSON.parse(text) as ProblemBody;
  } catch {
    return {};
  }
}

async function* allPages<Entry>(read: (cursor: string | undefined) => Promise<Page<Entry>>) {
  let cursor: string | undefined;
  do {
    const { items, next } = await read(cursor);
    yield* items;
    cursor = next;
  } while (cursor !== undefined);
}

function toJson({ payload, correlationData, ...rest }: ApiMessage): Record<string, unknown> {
  return {
    ...rest,
    ...(typeof payload === 'string' ? { text: payload } : payload && { payload: encodeBase64(payload) }),
    ...(correlationData && { correlationData: encodeBase64(correlationData) }),
  };
}

/** Signers, proxies and API Gateway escape some characters differently: text with them is sent as `~` and base64url. */
function inPath(text: string): string {
  return /^[A-Za-z0-9._-]+$/.test(text) && !/^\.+$/.test(text) ? text : `~${base64Url(text)}`;
}

function base64Url(text: string): string {
  const base64 = encodeBase64(new TextEncoder().encode(text));
  return base64.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/** The region in a URL such as `https://abc123.execute-api.eu-west-1.amazonaws.com/api`; some partitions have another domain. */
function regionIn({ hostname }: URL): string {
  return /\.execute-api\.([a-z0-9-]+)\./.exec(hostname)?.[1] ?? 'us-east-1';
}

type Bytes = string | ArrayBuffer | ArrayBufferView;
type OwnBytes = Uint8Array<ArrayBuffer>;

/** The hash that the signer needs, with the Web Crypto API, which both Node and browsers have. */
class Sha256 {
  private readonly parts: OwnBytes[] = [];

  constructor(private readonly secret?: Bytes) {}

  update(data: Bytes): void {
    this.parts.push(bytesOf(data));
  }

  async digest(): Promise<Uint8Array> {
    const data = await new Blob(this.parts).arrayBuffer();
    if (this.secret === undefined) return new Uint8Array(await crypto.subtle.digest('SHA-256', data));
    const key = await hmacKey(bytesOf(this.secret));
    return new Uint8Array(await crypto.subtle.sign('HMAC', key, data));
  }
}

function hmacKey(secret: OwnBytes) {
  return crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
}

function bytesOf(data: Bytes): OwnBytes {
  if (typeof data === 'string') return new TextEncoder().encode(data);
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}
