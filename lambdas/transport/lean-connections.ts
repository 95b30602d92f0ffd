import { type HttpAnswer, HttpSender } from '../aws/http-sender';
import { type Credentials, Signer } from '../aws/signature';
import type { Poster } from './gateway-connections';

/** Posts to connections without the SDK's layers (ADR 0010). */
export class LeanPoster implements Poster {
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

  async post(connectionId: string, data: Buffer): Promise<number | undefined> {
    const path = `${this.base}/@connections/${encodeURIComponent(connectionId)}`;
    const headers = {
      'content-length': String(data.length),
      'content-type': 'application/octet-stream',
      host: this.http.host,
    };
    const request = { method: 'POST', path, headers, body: data };
    const signed = { ...request, headers: this.signer.sign(request, new Date()) };
    return this.http.send(signed).then(statusOf, () => undefined);
  }
}

function statusOf({ status }: HttpAnswer): number {
  return status;
}
