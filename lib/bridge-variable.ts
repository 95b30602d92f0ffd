import type { Bridge } from '../lambdas/bridge/bridge-config';
import { readBridgeFile } from '../lambdas/bridge/bridge-file';
import { packBridge } from '../lambdas/bridge/read-bridge';
import { bridgeVariable } from '../lambdas/deployment';

/** The bridge that a file describes; none when there is no file. */
export function bridgeOf(file: string, broker: string): Bridge | undefined {
  return file === '' ? undefined : { broker, ...readBridgeFile(file) };
}

/** The variable that tells functions what crosses. `room`: bytes that the access configuration has left for it. */
export function bridgeVariableOf(bridge: Bridge | undefined, room: number): Record<string, string> {
  if (!bridge) return {};
  const packed = packBridge(bridge);
  if (packed.length <= room) return { [bridgeVariable]: packed };
  const size = `the bridge is ${packed.length} bytes when packed, but the environment of the functions has room for ${room}`;
  throw new Error(
    `${size} beside the access configuration; join entries by wider filters, or move rules into accounts`,
  );
}
