import type { Count, Measure } from '../broker/ports/metrics';

/** Totals of detailed counts. */
export type Total = 'MessagesIn' | 'MessagesOut' | 'MessagesDropped';

export type MetricName = Count | Measure | Total;

/** Namespace of all metrics in CloudWatch, and their one dimension, the name of the broker. */
export const namespace = 'CirrusMqtt';
export const dimension = 'Broker';

/** The metrics of the set `basic`. A metric costs $0.30 a month, and ten are free in an account, so these are ten. */
export const basicMetrics = [
  'ConnectionsOpened',
  'ConnectionsClosed',
  'MessagesIn',
  'MessagesOut',
  'BytesIn',
  'BytesOut',
  'MessagesDropped',
  'DeliveryLatency',
  'RefusedLogins',
  'ThrottledCalls',
] as const satisfies readonly MetricName[];

/** The metrics that the set `all` adds. */
export const furtherMetrics = [
  'MessagesInQos0',
  'MessagesInQos1',
  'MessagesInQos2',
  'MessagesOutQos0',
  'MessagesOutQos1',
  'MessagesOutQos2',
  'DroppedQueueFull',
  'DroppedTooLarge',
  'DroppedExpired',
  'DroppedDenied',
  'DroppedLimit',
  'DroppedSlow',
  'SlowReadersClosed',
  'LimitsReached',
  'EventsRefused',
  'ReplacedSessions',
  'LeftoversRemoved',
  'Recipients',
  'WillLateness',
  'KeepAliveLateness',
  'SessionExpiryLateness',
  'QueueDepth',
] as const satisfies readonly MetricName[];

/** Unit of a metric in CloudWatch. A metric without a unit is a plain number. */
export function unitOf(name: MetricName): 'Bytes' | 'Milliseconds' | undefined {
  if (name.startsWith('Bytes')) return 'Bytes';
  return /Late(ncy|ness)$/.test(name) ? 'Milliseconds' : undefined;
}

/** The total that includes a count. */
export function totalOf(name: Count): Total | undefined {
  if (name.startsWith('MessagesIn')) return 'MessagesIn';
  if (name.startsWith('MessagesOut')) return 'MessagesOut';
  return name.startsWith('Dropped') ? 'MessagesDropped' : undefined;
}
