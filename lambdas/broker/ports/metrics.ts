import type { QoS } from '../../protocol/packets';

/** Reason for which a message was dropped. */
export type DropReason = 'QueueFull' | 'TooLarge' | 'Expired' | 'Denied' | 'Limit' | 'Slow';

/** Metrics that are summed. */
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

/** Metrics of single values: milliseconds, a number of recipients, or of messages. */
export type Measure =
  | 'DeliveryLatency'
  | 'WillLateness'
  | 'KeepAliveLateness'
  | 'SessionExpiryLateness'
  | 'Recipients'
  | 'QueueDepth';

/** Gathers the metrics of one invocation. No metric names a client or a topic. */
export interface Metrics {
  count(name: Count, amount?: number): void;
  measure(name: Measure, value: number): void;
  /** Writes the metrics gathered since the last call, if there are any. */
  write(): void;
}

const discard = () => {};

/** Discards all metrics. */
export const noMetrics: Metrics = { count: discard, measure: discard, write: discard };
