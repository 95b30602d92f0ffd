import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { Place } from '../shared/read-json';
import { type AccessConfig, accessConfig } from './access-config';
import { InvalidAccessError } from './invalid-access-error';

/** Default configuration: only users of the accounts table may connect, and do what their accounts allow. */
export const closedAccess: AccessConfig = readAccess({});

/** Every client may do everything: for a broker that only its owner can reach. */
export const openAccess: AccessConfig = { ...closedAccess, anonymous: 'everything' };

/**
 * Reads the access configuration from parsed JSON. Absent keys get the values of `closedAccess`. Messages call it `where`.
 *
 * @throws InvalidAccessError
 */
export function readAccess(value: unknown, where = 'access'): AccessConfig {
  return accessConfig(value, new Place(where, InvalidAccessError));
}

/** Packs a configuration for an environment variable. Lambda limits all variables together to 4 KB, so it is compressed. */
export function packAccess(config: AccessConfig): string {
  return deflateRawSync(JSON.stringify(config), { level: 9 }).toString('base64');
}

/**
 * Reads what `packAccess` returned, or plain JSON; without a text the result is `closedAccess`.
 *
 * @throws InvalidAccessError
 */
export function unpackAccess(text: string | undefined): AccessConfig {
  if (text === undefined) return closedAccess;
  return readAccess(JSON.parse(text.startsWith('{') ? text : inflateRawSync(Buffer.from(text, 'base64')).toString()));
}
