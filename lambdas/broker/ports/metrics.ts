import type { QoS } from '../../protocol/packets';

/** Why a message did not go further. */
export type DropReason = 'QueueFull' | 'TooLarge' | 'Expired' | 'Denied' | 'Limit' | 'Slow';

/** What is added up. */
export type Count =
  | 'ConnectionsOpened'
  | 'ConnectionsClosed'
  | 'RefusedLogins'
  | 'ReplacedSessions'
  | 'ThrottledCalls'
  | 'EventsRefused'
  | 'SlowReadersClosed'
  | 'LimitsReached'
  | 'LeftoversRemoved'
  | 'BytesIn'
  | 'BytesOut'
  | `MessagesInQos${QoS}`
  | `MessagesOutQos${QoS}`
  | `Dropped${DropReason}`;

/** What is measured one by one: milliseconds, a number of recipients, or of messages. */
export type Measure =
  | 'DeliveryLatency'
  | 'WillLateness'
  | 'KeepAliveLateness'
  | 'SessionExpiryLateness'
  | 'Recipients'
  | 'QueueDepth';

/** What one invocation has done, in numbers. Nothing here names a client or a topic. */
export interface Metrics {
  count(name: Count, amount?: number): void;
  measure(name: Measure, value: number): void;
  /** Writes what was gathered since the last time, if there was anything. */
  write(): void;
}

/** Where nobody wants numbers. */
export const noMetrics: Metrics = { count: () => {}, measure: () => {}, write: () => {} };
