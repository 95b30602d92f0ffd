import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

/** Milliseconds without a byte after which a call is given up; both services answer within tens of milliseconds. */
const silence = 5000;

export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** HTTP with connections that stay open, to one origin. */
export class HttpSender {
  /** Value of the Host header. */
  readonly host: string;
  private readonly options: RequestOptions;
  private readonly request: (options: RequestOptions) => ClientRequest;

  /** `repeats`: whether a call may be made again when the connection it was to use had been closed. */
  constructor(
    origin: URL,
    private readonly repeats: boolean,
  ) {
    const secure = origin.protocol === 'https:';
    this.host = origin.host;
    this.request = secure ? httpsRequest : httpRequest;
    this.options = {
      host: origin.hostname,
      port: origin.port || (secure ? 443 : 80),
      timeout: silence, // from the first moment, so that it holds for connecting too
      agent: secure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true }),
    };
  }

  /**
   * Rejects when no whole answer came; whether the call took effect is then unknown. A connection that the service closed
   * while it lay idle is noticed only at the next call, which is why that one may be made again on a fresh connection.
   * That is no proof that the call had no effect, so who must not repeat it says so.
   */
  async send(request: HttpRequest): Promise<HttpAnswer> {
    const first = this.attempt(request);
    try {
      return await first.answer;
    } catch (error) {
      if (this.repeats && first.outgoing.reusedSocket && isReset(error)) return this.attempt(request).answer;
      throw error;
    }
  }

  private attempt({ method, path, headers, body }: HttpRequest) {
    const outgoing = this.request({ ...this.options, method, path, headers });
    const answer = new Promise<HttpAnswer>((resolve, reject) => {
      outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${silence} ms`)));
      outgoing.on('error', reject);
      outgoing.on('response', (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('error', (cause) => reject(new Error('the answer broke off', { cause }))); // so it had begun
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(parts).toString(),
          }),
        );
      });
    });
    outgoing.end(body);
    return { outgoing, answer };
  }
}

function isReset(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ECONNRESET' || code === 'EPIPE';
}
