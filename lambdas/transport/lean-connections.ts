import { HttpSender } from '../aws/http-sender';
import { repeatWhile } from '../aws/retries';
import { type Credentials, Signer } from '../aws/signature';
import type { ConnectionsClient } from './gateway-connections';

/** Attempts at closing a connection. */
const attempts = 5;

/** Posts to connections and closes them without the SDK's layers (ADR 0010). */
export class LeanConnections implements ConnectionsClient {
  private readonly http: HttpSender;
  private readonly signer: Signer;
  private readonly base: string;

  /** `callback`: the @connections endpoint of the stage, `https://…/stage`. */
  constructor(callback: string, region: string, credentials: Credentials) {
    const url = new URL(callback);
    this.http = new HttpSender(url, true);
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
    return repeatWhile(isPassing, attempts, () => this.call('DELETE', connectionId, { headers: {}, body: '' }));
  }

  private call(method: string, connectionId: string, content: Content): Promise<number | undefined> {
    const path = `${this.base}/@connections/${encodeURIComponent(connectionId)}`;
    const request = { method, path, body: content.body, headers: { ...content.headers, host: this.http.host } };
    const signed = { ...request, headers: this.signer.sign(request, new Date()) };
    return this.http.send(signed).then(
      ({ status }) => status,
      () => undefined,
    );
  }
}

interface Content {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
}

/** Throttled, failed on the gateway's side, or no answer at all. */
function isPassing(status: number | undefined): boolean {
  return status === undefined || status === 429 || status >= 500;
}
