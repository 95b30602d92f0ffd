import { readFileSync } from 'node:fs';
import { InvalidAccessError, parseJson } from '../access/checked-json';
import { type EventConfig, readEventConfig } from './event-config';

/** Events as an operator configures them in a file of JSON. @throws InvalidAccessError that names the file and the place in it. */
export function readEventsFile(path: string): EventConfig {
  return readEventConfig(parseJson(textOf(path), path), path);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new InvalidAccessError(`${path} cannot be read: ${(error as Error).message}`);
  }
}
