import type { IncomingMessage } from 'node:http';
import type { HttpRequest } from './http-exchange';

/** All of a request but its body. */
export function requestLine({ method = '', url = '', headers }: IncomingMessage): Omit<HttpRequest, 'body'> {
  return { method, url, headers };
}

/** The whole body of a request. Listening is several times cheaper than iterating, and every AWS call comes this way. */
export function readBody(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
    request.on('error', reject);
  });
}
