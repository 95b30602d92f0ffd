/** Which messages cross between this broker and AWS IoT Core. */
export interface BridgeConfig {
  readonly entries: readonly BridgeEntry[];
}

/**
 * Topics that cross, as a `topic` line of Mosquitto says it: with T for whatever `filter` matches, `localPrefix` + T here is
 * `remotePrefix` + T there.
 */
export interface BridgeEntry {
  readonly direction: 'out' | 'in' | 'both';
  readonly filter: string;
  readonly localPrefix: string;
  readonly remotePrefix: string;
  /** A message crosses with this QoS at most. */
  readonly qos: 0 | 1;
  /** Out: the retain flag crosses too. In: every message is retained, because a rule does not tell the flag. */
  readonly retain: boolean;
}

/** A bridge with the name of the broker it belongs to, which marks what it sends. */
export interface Bridge extends BridgeConfig {
  readonly broker: string;
}

export function isOutgoing({ direction }: BridgeEntry): boolean {
  return direction !== 'in';
}

export function isIncoming({ direction }: BridgeEntry): boolean {
  return direction !== 'out';
}

/** What an entry matches in this broker. */
export function localFilter({ localPrefix, filter }: BridgeEntry): string {
  return localPrefix + filter;
}

/** What an entry matches in AWS IoT Core. */
export function remoteFilter({ remotePrefix, filter }: BridgeEntry): string {
  return remotePrefix + filter;
}
