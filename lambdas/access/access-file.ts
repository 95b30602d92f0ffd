import { readFileSync } from 'node:fs';
import type { AccessConfig } from './access-config';
import { InvalidAccessError, parseJson } from './checked-json';
import { readAccess } from './read-access';

/** Access as an operator keeps it in a file of JSON. @throws InvalidAccessError that names the file and the place in it. */
export function readAccessFile(path: string): AccessConfig {
  return readAccess(parseJson(textOf(path), path), path);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new InvalidAccessError(`${path} cannot be read: ${(error as Error).message}`);
  }
}
