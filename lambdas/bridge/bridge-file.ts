import { readFileSync } from 'node:fs';
import { InvalidAccessError, parseJson } from '../access/checked-json';
import type { BridgeConfig } from './bridge-config';
import { readBridge } from './read-bridge';

/** The bridge as an operator keeps it in a file of JSON. The error names the file and the place in it. */
export function readBridgeFile(path: string): BridgeConfig {
  return readBridge(parseJson(textOf(path), path), path);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new InvalidAccessError(`${path} cannot be read: ${(error as Error).message}`);
  }
}
