import { readJsonFile } from '../shared/json-file';
import type { BridgeConfig } from './bridge-config';
import { InvalidBridgeError, readBridge } from './read-bridge';

/**
 * Reads the configuration of the bridge from a file of JSON.
 *
 * @throws InvalidBridgeError that names the file and the place in it
 */
export function readBridgeFile(path: string): BridgeConfig {
  return readBridge(readJsonFile(path, InvalidBridgeError), path);
}
