import { EventEmitter } from 'node:events';
import http, { type RequestOptions } from 'node:http';
import type { MessagePort } from 'node:worker_threads';
import type { NetworkAccess, NetworkCall, NetworkResponse } from './network-messages';

/** Calls of one container without a response yet. */
class Calls {
  private readonly waiting = new Map<number, Call>();
  private last = 0;

  constructor(private readonly port: MessagePort) {
    port.on('message', (response: NetworkResponse) => this.handle(response));
    port.unref();
  }

  /** Sends a call and returns its number. The port keeps the thread alive while a call waits. */
  send(call: Call, request: Omit<NetworkCall, 'id'>): number {
    if (this.waiting.size === 0) this.port.ref();
    this.last += 1;
    this.waiting.set(this.last, call);
    this.port.postMessage({ id: this.last, ...request } satisfies NetworkCall);
    return this.last;
  }

  /** Ignores the response of a call. */
  forget(id: number): void {
    this.waiting.delete(id);
    if (this.waiting.size === 0) this.port.unref();
  }

  private handle(response: NetworkResponse): void {
    const call = this.waiting.get(response.id);
    this.forget(response.id);
    call?.receive(response);
  }
}

/** The part of ClientRequest that the AWS client of `lambdas/aws/` uses. */
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
      body: typeof body === 'string' ? body : Uint8Array.from(body), // posting a Buffer would copy its whole pool
    });
  }

  destroy(error: Error): void {
    this.calls.forget(this.id);
    clearTimeout(this.limit);
    this.emit('error', error);
  }

  receive({ status, headers, body }: NetworkResponse): void {
    clearTimeout(this.limit);
    const response = Object.assign(new EventEmitter(), { statusCode: status, headers });
    this.emit('response', response);
    if (body !== '') response.emit('data', Buffer.from(body));
    response.emit('end');
  }
}

/**
 * Replaces `http.request` in this thread: requests of the AWS client of `lambdas/aws/` to endpoints of the local cloud
 * become messages. Requests to other addresses use a socket, and so does the AWS SDK, which uses more of ClientRequest
 * and passes a callback.
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
