import type { ConnectionDescription, ConnectionsApi } from '../connections-api';
import { type HttpResponse, HttpSender } from './http-sender';
import { type Credentials, Signer } from './signature';

export interface LeanConnectionsOptions {
  /** Endpoint of the @connections API, `https://…/stage`. */
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: Credentials;
}

/** The @connections API without the SDK (ADR 0010). */
export class LeanConnections implements ConnectionsApi {
  private readonly http: HttpSender;
  private readonly signer: Signer;
  private readonly base: string;

  constructor({ endpoint, region, credentials }: LeanConnectionsOptions) {
    const url = new URL(endpoint);
    this.http = new HttpSender(url);
    this.signer = new Signer(credentials, region, 'execute-api');
    this.base = url.pathname.replace(/\/$/, '');
  }

  async post(connectionId: string, data: Buffer): Promise<number | undefined> {
    const headers = { 'content-length': String(data.length), 'content-type': 'application/octet-stream' };
    return (await this.call('POST', connectionId, { headers, body: data }))?.status;
  }

  async delete(connectionId: string): Promise<number | undefined> {
    return (await this.call('DELETE', connectionId))?.status;
  }

  async describe(connectionId: string): Promise<ConnectionDescription | undefined> {
    const response = await this.call('GET', connectionId);
    return response?.status === 200 ? toDescription(JSON.parse(response.body)) : undefined;
  }

  /** Returns undefined if no complete response came. */
  private call(method: string, connectionId: string, content: Content = empty): Promise<HttpResponse | undefined> {
    const path = `${this.base}/@connections/${encodeURIComponent(connectionId)}`;
    const request = { method, path, body: content.body, headers: { ...content.headers, host: this.http.host } };
    const signed = { ...request, headers: this.signer.sign(request, new Date()) };
    return this.http.send(signed).catch(() => undefined);
  }
}

interface Content {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
}

const empty: Content = { headers: {}, body: '' };

/** Body of a response of GetConnection. */
interface GetConnectionBody {
  readonly identity?: { readonly sourceIp?: string };
  readonly lastActiveAt?: string;
}

function toDescription({ identity, lastActiveAt }: GetConnectionBody): ConnectionDescription {
  return { address: identity?.sourceIp ?? '', ...(lastActiveAt && { lastActiveAt }) };
}
