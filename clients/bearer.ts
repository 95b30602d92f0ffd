import { readFileSync } from 'node:fs';

/** Headers for one handshake with the gateway. */
export type Headers = () => Record<string, string>;

/**
 * A bearer token from a file, read anew for each handshake: tokens expire, and whoever renews them writes the file.
 *
 * @throws Error when the file cannot be read or is empty; the token is not in it.
 */
export function bearerFrom(file: string): Headers {
  return () => {
    const token = readFileSync(file, 'utf8').trim();
    if (token === '') throw new Error(`${file} is empty, but should hold a token`);
    return { authorization: `Bearer ${token}` };
  };
}
