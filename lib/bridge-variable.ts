import type { Bridge } from '../lambdas/bridge/bridge-config';
import { readBridgeFile } from '../lambdas/bridge/bridge-file';
import { packBridge } from '../lambdas/bridge/read-bridge';
import { bridgeVariable } from '../lambdas/deployment';

/**
 * Reads the bridge file (docs/bridge.md); undefined if `file` is empty.
 *
 * @throws Error if the file cannot be read or is invalid
 */
export function bridgeOf(file: string, broker: string): Bridge | undefined {
  return file === '' ? undefined : { broker, ...readBridgeFile(file) };
}

/**
 * Returns the environment variable with the bridge configuration, none without a bridge.
 *
 * @param remainingBytes bytes that the access configuration leaves in the environment of a function
 * @throws Error if the packed bridge is larger than `remainingBytes`
 */
export function bridgeVariableOf(bridge: Bridge | undefined, remainingBytes: number): Record<string, string> {
  if (!bridge) return {};
  const packed = packBridge(bridge);
  if (packed.length <= remainingBytes) return { [bridgeVariable]: packed };
  const size = `the bridge is ${packed.length} bytes when packed, but the environment of the functions has room for ${remainingBytes}`;
  throw new Error(
    `${size} beside the access configuration; join entries by wider filters, or move rules into accounts`,
  );
}
