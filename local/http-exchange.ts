import type { IncomingMessage, ServerResponse } from 'node:http';

/** A request, independent of its transport. Header names are lower case. */
export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Stands for no response: the caller is being killed and must not receive one. A closed socket would make it retry
 * first.
 */
export const noReply = Symbol('silence');

export type Reply = HttpResponse | typeof noReply;

export const jsonType = { 'content-type': 'application/json' } as const;

/** Maximum bytes of a request to any imitated service: a batch of DynamoDB. */
const maxBytes = 16 * 1024 * 1024;

export class TooLargeError extends Error {}

/** Reads a complete request from a socket. */
export function readRequest(request: IncomingMessage): Promise<HttpRequest> {
  const { method = '', url = '', headers } = request;
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= maxBytes) chunks.push(chunk);
      else reject(new TooLargeError(`a request has at most ${maxBytes} bytes`));
    });
    request.on('end', () => {
      resolve({ method, url, headers, body: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks) });
    });
    request.on('error', reject);
  });
}

/** Sends a reply over the socket of the request. */
export function sendReply(response: ServerResponse, reply: Reply): void {
  if (reply === noReply) return;
  const { status, headers, body } = reply;
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body);
}
