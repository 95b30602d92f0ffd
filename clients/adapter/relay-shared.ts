import type { Clock } from './clock';
import type { Dials } from './dials';
import type { DisconnectBackoff } from './disconnect-backoff';
import type { Handovers } from './handovers';
import type { AdapterMetrics } from './metrics';

/** Objects and settings that all relays of an adapter share. */
export interface RelayShared {
  dials: Dials;
  handovers: Handovers;
  disconnectBackoff: DisconnectBackoff;
  clock: Clock;
  metrics: AdapterMetrics;
  /** Bytes of the largest packet of a client, fixed header included. */
  maxPacketBytes: number;
  /** Time limit for CONNECT after the accept, in milliseconds. */
  firstPacketMs: number;
  /** Age at which a connection is ended before the gateway does, in milliseconds; 0: never. */
  maxAgeMs: number;
  localPing: boolean;
  batchMs: number;
}
