import { readFileSync } from 'node:fs';

/** Returns the headers for one handshake with the gateway. */
export type Headers = () => Record<string, string>;

/**
 * An `Authorization` header with the bearer token of a file. It reads the file for each handshake, because tokens expire and the
 * file is rewritten with new ones.
 *
 * @throws Error from the returned function if the file cannot be read or is empty; the message does not contain the token
 */
export function bearerHeaders(file: string): Headers {
  return () => {
    const token = readFileSync(file, 'utf8').trim();
    if (token === '') throw new Error(`${file} is empty, but should hold a token`);
    return { authorization: `Bearer ${token}` };
  };
}
