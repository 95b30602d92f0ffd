import { EventEmitter } from 'node:events';
import http, { type RequestOptions } from 'node:http';
import type { MessagePort } from 'node:worker_threads';
import type { NetworkAccess, NetworkCall, NetworkResponse } from './network-messages';

/** The calls of one container that wait for their answers. */
class Calls {
  private readonly waiting = new Map<number, Call>();
  private last = 0;

  constructor(private readonly port: MessagePort) {
    port.on('message', (answer: NetworkResponse) => this.handle(answer));
    port.unref();
  }

  /** While a call waits, the thread has something to wait for. Returns the number of the call. */
  send(call: Call, request: Omit<NetworkCall, 'id'>): number {
    if (this.waiting.size === 0) this.port.ref();
    this.last += 1;
    this.waiting.set(this.last, call);
    this.port.postMessage({ id: this.last, ...request } satisfies NetworkCall);
    return this.last;
  }

  /** Its answer is heard by nobody any more. */
  forget(id: number): void {
    this.waiting.delete(id);
    if (this.waiting.size === 0) this.port.unref();
  }

  private handle(answer: NetworkResponse): void {
    const call = this.waiting.get(answer.id);
    this.forget(answer.id);
    call?.answer(answer);
  }
}

/** What the small client of `lambdas/aws/` asks of a ClientRequest. */
class Call extends EventEmitter {
  private readonly limit: NodeJS.Timeout | undefined;
  private id = 0;

  constructor(
    private readonly calls: Calls,
    private readonly options: RequestOptions,
  ) {
    super();
    const { timeout } = options;
    if (timeout !== undefined) this.limit = setTimeout(() => this.emit('timeout'), timeout).unref();
  }

  end(body: string | Buffer): void {
    const { port, method, path, headers } = this.options;
    this.id = this.calls.send(this, {
      port: Number(port),
      method: method ?? 'GET',
      url: path ?? '/',
      headers: headers as NetworkCall['headers'],
      body: typeof body === 'string' ? body : Uint8Array.from(body), // a Buffer would bring the whole pool it lies in
    });
  }

  destroy(error: Error): void {
    this.calls.forget(this.id);
    clearTimeout(this.limit);
    this.emit('error', error);
  }

  answer({ status, headers, body }: NetworkResponse): void {
    clearTimeout(this.limit);
    const response = Object.assign(new EventEmitter(), { statusCode: status, headers });
    this.emit('response', response);
    if (body !== '') response.emit('data', Buffer.from(body));
    response.emit('end');
  }
}

/**
 * From now on the small client's requests to the endpoints of the local cloud are messages. Everything else goes through a
 * socket: other addresses, and the AWS SDK, which wants more of a request than is here and says so by passing a callback.
 */
export function replaceHttpRequest({ port, endpoints }: NetworkAccess): void {
  const calls = new Calls(port);
  const overSocket = http.request as (...parts: unknown[]) => http.ClientRequest;
  const request = (options: RequestOptions, ...more: unknown[]) =>
    more.length === 0 && options.host === '127.0.0.1' && endpoints.includes(Number(options.port))
      ? new Call(calls, options)
      : overSocket(options, ...more);
  Object.assign(http, { request });
}
