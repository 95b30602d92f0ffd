import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

/** Milliseconds without a byte after which a call is given up; both services answer within tens of milliseconds. */
const silence = 5000;

/**
 * Milliseconds after which an idle connection is not used again, because the service may have closed it: half of the limit
 * that the AWS SDK for Java has (`CONNECTION_MAX_IDLE_TIMEOUT`, 60 s).
 */
const longestIdle = 30_000;

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

/**
 * HTTP with connections that stay open, to one origin. It makes each call once: when a connection breaks before the answer
 * is complete, no error code tells whether the service has done the call. Callers repeat what may be done twice.
 */
export class HttpSender {
  /** Value of the Host header. */
  readonly host: string;
  private readonly agent: HttpAgent;
  private readonly options: RequestOptions;
  private readonly request: (options: RequestOptions) => ClientRequest;
  /** When the last answer on a connection was complete, by the clock of `Date`. */
  private readonly idleSince = new WeakMap<object, number>();

  constructor(origin: URL) {
    const secure = origin.protocol === 'https:';
    this.host = origin.host;
    this.request = secure ? httpsRequest : httpRequest;
    this.agent = secure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
    this.options = {
      host: origin.hostname,
      port: origin.port || (secure ? 443 : 80),
      timeout: silence, // from the first moment, so that it holds for connecting too
      agent: this.agent,
    };
  }

  /** Rejects when no complete answer came; whether the call took effect is then unknown. */
  send({ method, path, headers, body }: HttpRequest): Promise<HttpAnswer> {
    this.closeIdle();
    const outgoing = this.request({ ...this.options, method, path, headers });
    const answer = new Promise<HttpAnswer>((resolve, reject) => {
      outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${silence} ms`)));
      outgoing.on('error', reject);
      outgoing.on('response', (response) => {
        const { socket } = response;
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('error', reject);
        response.on('end', () => {
          if (socket) this.idleSince.set(socket, Date.now());
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(parts).toString(),
          });
        });
      });
    });
    outgoing.end(body);
    return answer;
  }

  /**
   * The agent's own timers do not do this: a container that was frozen uses a connection before the loop comes to its timers.
   * The agent takes the newest connection first, and skips those that are destroyed.
   */
  private closeIdle(): void {
    const oldest = Date.now() - longestIdle;
    for (const sockets of Object.values(this.agent.freeSockets)) {
      for (const socket of sockets ?? []) {
        if ((this.idleSince.get(socket) ?? 0) < oldest) socket.destroy();
      }
    }
  }
}
