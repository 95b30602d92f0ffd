import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { type HttpRequest, noReply, type Reply } from '../http-exchange';
import type { NetworkAccess, NetworkCall, NetworkResponse } from './network-messages';

/** Handles the requests to a port. */
export type Endpoint = (request: HttpRequest) => Reply | undefined | Promise<Reply>;

/** Receives every request after its response. */
export type Observer = (request: HttpRequest, reply: Reply) => void;

/**
 * Connects containers to the endpoints in the thread of the local cloud by messages between threads, with the method,
 * path, headers and body of the request. Sockets on the loopback interface would take more processor time than the rest
 * of a turn (ADR 0023).
 */
export class Network {
  private readonly endpoints = new Map<number, Endpoint>();

  constructor(private readonly observe: Observer = () => {}) {}

  /** Adds the handler of a port of this machine. */
  add(port: number, endpoint: Endpoint): void {
    this.endpoints.set(port, endpoint);
  }

  /** Creates the connection of one container. */
  connect(): NetworkAccess {
    const { port1, port2 } = new MessageChannel();
    port1.on('message', (call: NetworkCall) => this.handle(call, port1));
    port1.unref(); // a container does not keep the process alive
    return { port: port2, endpoints: [...this.endpoints.keys()] };
  }

  private async handle({ id, port, body, ...rest }: NetworkCall, caller: MessagePort): Promise<void> {
    const request = { ...rest, body: bytesOf(body) };
    const reply = await this.respond(port, request);
    this.observe(request, reply);
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
