import type { ConnectionSource } from '../../broker/ports/connection-store';
import type { ConnectionsClient } from '../../transport/gateway-connections';
import { type HttpAnswer, HttpSender } from './http-sender';
import { type Credentials, Signer } from './signature';

/** Posts to connections and closes them without the SDK's layers (ADR 0010). */
export class LeanConnections implements ConnectionsClient {
  private readonly http: HttpSender;
  private readonly signer: Signer;
  private readonly base: string;

  /** `callback`: the @connections endpoint of the stage, `https://…/stage`. */
  constructor(callback: string, region: string, credentials: Credentials) {
    const url = new URL(callback);
    this.http = new HttpSender(url);
    this.signer = new Signer(credentials, region, 'execute-api');
    this.base = url.pathname.replace(/\/$/, '');
  }

  post(connectionId: string, data: Buffer): Promise<number | undefined> {
    return this.call('POST', connectionId, {
      headers: { 'content-length': String(data.length), 'content-type': 'application/octet-stream' },
      body: data,
    });
  }

  delete(connectionId: string): Promise<number | undefined> {
    return this.call('DELETE', connectionId, { headers: {}, body: '' });
  }

  async describe(connectionId: string): Promise<ConnectionSource | undefined> {
    const answer = await this.ask('GET', connectionId, { headers: {}, body: '' });
    return answer?.status === 200 ? sourceOf(JSON.parse(answer.body)) : undefined;
  }

  private async call(method: string, connectionId: string, content: Content): Promise<number | undefined> {
    return (await this.ask(method, connectionId, content))?.status;
  }

  private ask(method: string, connectionId: string, content: Content): Promise<HttpAnswer | undefined> {
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

/** As GetConnection answers. */
function sourceOf({ identity, lastActiveAt }: Description): ConnectionSource {
  return { address: identity?.sourceIp ?? '', ...(lastActiveAt && { lastActiveAt }) };
}

interface Description {
  readonly identity?: { readonly sourceIp?: string };
  readonly lastActiveAt?: string;
}
