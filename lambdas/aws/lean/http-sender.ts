import { Agent as HttpAgent, request as httpRequest, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

/** Milliseconds without a byte after which a call fails. The services respond within tens of milliseconds. */
const silenceTimeout = 5000;

/**
 * Milliseconds after which an idle connection is not reused, because the service may have closed it. It is half of the
 * limit of the AWS SDK for Java (`CONNECTION_MAX_IDLE_TIMEOUT`, 60 s).
 */
const maxIdle = 30_000;

export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/**
 * Sends HTTP requests to one origin over persistent connections. It makes each request once: if a connection breaks before
 * the response is complete, no error code tells whether the service has executed the call. Callers repeat what may be
 * executed twice.
 */
export class HttpSender {
  /** Value of the Host header. */
  readonly host: string;
  private readonly agent: HttpAgent;
  private readonly request: typeof httpRequest;
  private readonly options: RequestOptions;
  /** Time of the last complete response on a connection, by `Date`. */
  private readonly idleSince = new WeakMap<object, number>();

  constructor(origin: URL) {
    const isSecure = origin.protocol === 'https:';
    this.host = origin.host;
    this.request = isSecure ? httpsRequest : httpRequest;
    this.agent = isSecure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
    this.options = {
      host: origin.hostname,
      port: origin.port, // empty: the default of the protocol
      agent: this.agent,
      timeout: silenceTimeout, // also while it connects
    };
  }

  /** @throws Error if no complete response came. The call may have taken effect. */
  send({ method, path, headers, body }: HttpRequest): Promise<HttpResponse> {
    this.closeIdleConnections();
    return new Promise((resolve, reject) => {
      const request = this.request({ ...this.options, method, path, headers });
      request.on('timeout', () => request.destroy(new Error(`no response within ${silenceTimeout} ms`)));
      request.on('error', reject);
      request.on('response', (response) => {
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
      request.end(body);
    });
  }

  /**
   * The agent's own timers cannot do this: a container that was frozen uses a connection before the event loop reaches its
   * timers. The agent skips connections that are destroyed.
   */
  private closeIdleConnections(): void {
    const oldest = Date.now() - maxIdle;
    for (const sockets of Object.values(this.agent.freeSockets)) {
      for (const socket of sockets ?? []) {
        if ((this.idleSince.get(socket) ?? 0) < oldest) socket.destroy();
      }
    }
  }
}
