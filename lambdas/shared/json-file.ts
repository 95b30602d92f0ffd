import { readFileSync } from 'node:fs';
import { type ErrorClass, parseJson } from './read-json';

/**
 * Reads a file of JSON.
 *
 * @throws the given error, which names the file, if it cannot be read or is not JSON
 */
export function readJsonFile(path: string, InvalidError: ErrorClass): unknown {
  return parseJson(textOf(path, InvalidError), path, InvalidError);
}

function textOf(path: string, InvalidError: ErrorClass): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new InvalidError(`${path} cannot be read: ${(error as Error).message}`);
  }
}
