import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { type HttpRequest, noReply, type Reply } from '../http-exchange';
import type { NetworkAccess, NetworkCall, NetworkResponse } from './network-messages';

/** Whatever answers the requests that come to a port. */
export type Endpoint = (request: HttpRequest) => Reply | undefined | Promise<Reply>;

/** Is told of every request when it has been dealt with. */
export type Observer = (request: HttpRequest, reply: Reply) => void;

/**
 * How containers reach the endpoints that live in the thread of the local cloud: by messages between threads, with the method,
 * path, headers and body that would go over a socket. TCP and HTTP on loopback took as long as everything else (ADR 0023).
 */
export class Network {
  private readonly endpoints = new Map<number, Endpoint>();

  constructor(private readonly observe: Observer = () => {}) {}

  /** Answers what is sent to a port of this machine. */
  add(port: number, endpoint: Endpoint): void {
    this.endpoints.set(port, endpoint);
  }

  /** For one container. */
  connect(): NetworkAccess {
    const { port1, port2 } = new MessageChannel();
    port1.on('message', (call: NetworkCall) => this.answer(call, port1));
    port1.unref(); // a container keeps nobody alive
    return { port: port2, endpoints: [...this.endpoints.keys()] };
  }

  private async answer({ id, port, body, ...request }: NetworkCall, caller: MessagePort): Promise<void> {
    const asked = { ...request, body: bytesOf(body) };
    const reply = await this.respond(port, asked);
    this.observe(asked, reply);
    if (reply !== noReply) caller.postMessage({ id, ...reply } satisfies NetworkResponse);
  }

  private async respond(port: number, request: HttpRequest): Promise<Reply> {
    try {
      return (await this.endpoints.get(port)!(request)) ?? failure(404, 'not found');
    } catch (error) {
      return failure(400, String(error));
    }
  }
}

function failure(status: number, message: string): Reply {
  return { status, headers: {}, body: JSON.stringify({ message }) };
}

function bytesOf(body: string | Uint8Array): Buffer {
  return typeof body === 'string' ? Buffer.from(body) : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}
