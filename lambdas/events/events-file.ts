import { readJsonFile } from '../shared/json-file';
import { type EventConfig, InvalidEventsError, readEventConfig } from './event-config';

/**
 * Reads the configuration of events from a file of JSON.
 *
 * @throws InvalidEventsError that names the file and the place in it
 */
export function readEventsFile(path: string): EventConfig {
  return readEventConfig(readJsonFile(path, InvalidEventsError), path);
}
