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

export interface ApiCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface BrokerApiOptions {
  /** The stack's output `ApiUrl`. */
  readonly url: string;
  /** Where requests go instead, if something on the way passes them on to `url`: the same paths below another address. */
  readonly via?: string;
  /** That of the URL if absent. */
  readonly region?: string;
  /** Credentials, or what the AWS SDK's providers return. */
  readonly credentials: ApiCredentials | (() => Promise<ApiCredentials>);
}

/** What was asked for was not done. */
export class BrokerApiError extends Error {
  override readonly name = 'BrokerApiError';

  constructor(
    /** HTTP status. */
    readonly status: number,
    /** One of those in docs/api.md; `forbidden` when IAM does not allow it. */
    readonly code: string,
    message: string,
    readonly errors: readonly { readonly pointer: string; readonly detail: string }[] = [],
  ) {
    super(message);
  }
}

/** The same key for the same request lets it be made again without being done twice. */
export interface KeyOption {
  readonly idempotencyKey?: string;
}

/** Publishes to a broker, and looks after its clients and retained messages, with credentials of AWS. */
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

  /** @throws BrokerApiError `message-refused` where MQTT does not allow it */
  publish(message: ApiMessage, options?: KeyOption): Promise<{ status: 'accepted'; subscribers: boolean }> {
    return this.post('/messages', toJson(message), options);
  }

  /** Up to 100 messages; each has its own result, in their order. */
  async publishAll(messages: readonly ApiMessage[], options?: KeyOption): Promise<PublishResult[]> {
    const { results } = await this.post<{ results: PublishResult[] }>(
      '/messages',
      { messages: messages.map(toJson) },
      options,
    );
    return results;
  }

  sendToClient(clientId: string, message: DirectMessage, options?: KeyOption): Promise<DirectResult> {
    return this.post(`/clients/${inPath(clientId)}/messages`, toJson(message), options);
  }

  /** Every client, page after page. */
  clients(options: Pick<PageOptions, 'limit'> = {}): AsyncGenerator<ApiClient, void, undefined> {
    return everything((cursor) => this.clientPage({ ...options, cursor }));
  }

  clientPage(options: PageOptions = {}): Promise<Page<ApiClient>> {
    return this.call('GET', '/clients', { query: { ...options } });
  }

  client(clientId: string): Promise<ApiClientDetails> {
    return this.call('GET', `/clients/${inPath(clientId)}`);
  }

  /** Resolves when the wish is safe; it comes true a moment later. */
  disconnect(
    clientId: string,
    options: { readonly will?: 'publish' | 'discard'; readonly session?: 'keep' | 'remove' } = {},
  ): Promise<{ clientId: string; connected: boolean }> {
    return this.call('DELETE', `/clients/${inPath(clientId)}`, { query: options });
  }

  /** Every retained message of topics that match a filter, or of all, page after page. */
  retained(
    options: Pick<PageOptions, 'limit'> & { readonly filter?: string } = {},
  ): AsyncGenerator<RetainedSummary, void, undefined> {
    return everything((cursor) => this.retainedPage({ ...options, cursor }));
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

  private post<Answer>(path: string, body: unknown, { idempotencyKey }: KeyOption = {}): Promise<Answer> {
    const headers: Record<string, string> = idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey };
    return this.call('POST', path, { body: JSON.stringify(body), headers });
  }

  private async call<Answer>(method: string, path: string, { query = {}, body, headers = {} }: Content = {}) {
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
    return answerOf<Answer>(await fetch(target, { method, headers: rest, body }));
  }
}

interface Content {
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

async function answerOf<Answer>(response: Response): Promise<Answer> {
  const text = await response.text();
  if (response.ok) return (text === '' ? undefined : JSON.parse(text)) as Answer;
  throw errorOf(response.status, text);
}

interface ProblemBody {
  readonly code?: string;
  readonly title?: string;
  readonly detail?: string;
  readonly message?: string;
  readonly errors?: BrokerApiError['errors'];
}

function errorOf(status: number, text: string): BrokerApiError {
  const { code, title, detail, message, errors } = problemIn(text);
  const said = [title ?? message ?? `HTTP ${status}`, detail, ...(errors ?? []).map(wrong)].filter(Boolean).join(': ');
  return new BrokerApiError(status, code ?? (status === 403 ? 'forbidden' : `http-${status}`), said, errors);
}

function wrong({ pointer, detail }: BrokerApiError['errors'][number]): string {
  return `${pointer} ${detail}`.trim();
}

/** A proxy on the way may answer with anything. */
function problemIn(text: string): ProblemBody {
  try {
    return JSON.parse(text) as ProblemBody;
  } catch {
    return {};
  }
}

async function* everything<Entry>(read: (cursor: string | undefined) => Promise<Page<Entry>>) {
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

/** What signers, proxies and API Gateway do not agree how to escape goes as `~` and base64url. */
function inPath(text: string): string {
  return /^[A-Za-z0-9._-]+$/.test(text) && !/^\.+$/.test(text) ? text : `~${base64Url(text)}`;
}

function base64Url(text: string): string {
  const base64 = encodeBase64(new TextEncoder().encode(text));
  return base64.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/** `https://abc123.execute-api.eu-west-1.amazonaws.com/api`; some partitions have another domain. */
function regionIn({ hostname }: URL): string {
  return /\.execute-api\.([a-z0-9-]+)\./.exec(hostname)?.[1] ?? 'us-east-1';
}

type Bytes = string | ArrayBuffer | ArrayBufferView;
type OwnBytes = Uint8Array<ArrayBuffer>;

/** What the signer asks of a hash, by what Node and browsers both have. */
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
