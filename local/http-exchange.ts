import type { IncomingMessage, ServerResponse } from 'node:http';

/** A request, apart from the way it came. Header names are lower case. */
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

/** In place of an answer: the caller is being killed and must not hear any more. A closed socket would make it try again before. */
export const noReply = Symbol('silence');

export type Reply = HttpResponse | typeof noReply;

export const jsonType = { 'content-type': 'application/json' } as const;

/** The largest request of any imitated service: a batch of DynamoDB. */
const maxBytes = 16 * 1024 * 1024;

export class TooLargeError extends Error {}

/** All of a request that came over a socket. Listening is several times cheaper than iterating, and every AWS call comes this way. */
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

/** Over the socket on which the request came. */
export function sendReply(response: ServerResponse, reply: Reply): void {
  if (reply === noReply) return;
  const { status, headers, body } = reply;
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body);
}
