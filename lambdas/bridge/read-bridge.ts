import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { Place } from '../shared/read-json';
import { type Bridge, type BridgeConfig, bridgeConfig } from './bridge-config';

/** The configuration of the bridge is invalid. The message is for its author: the place, the value, and what is allowed. */
export class InvalidBridgeError extends Error {
  override readonly name = 'InvalidBridgeError';
}

/**
 * Reads the configuration of the bridge from parsed JSON. Messages call it `where`.
 *
 * @throws InvalidBridgeError
 */
export function readBridge(value: unknown, where = 'bridge'): BridgeConfig {
  return bridgeConfig(value, new Place(where, InvalidBridgeError));
}

/** Packs a bridge for an environment variable. Lambda limits all variables together to 4 KB, so it is compressed. */
export function packBridge(bridge: Bridge): string {
  return deflateRawSync(JSON.stringify(bridge), { level: 9 }).toString('base64');
}

/**
 * Reads what `packBridge` returned.
 *
 * @throws InvalidBridgeError
 */
export function unpackBridge(text: string): Bridge {
  const { broker, ...config }: Bridge = JSON.parse(inflateRawSync(Buffer.from(text, 'base64')).toString());
  return { broker, ...readBridge(config) };
}
