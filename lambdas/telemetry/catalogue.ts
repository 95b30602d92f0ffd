import type { Count, Measure } from '../broker/ports/metrics';

/** What the detailed counts add up to. */
export type Total = 'MessagesIn' | 'MessagesOut' | 'MessagesDropped';

export type MetricName = Count | Measure | Total;

/** Whose metrics they are in CloudWatch; the one dimension is the name of the broker. */
export const namespace = 'CirrusMqtt';
export const dimension = 'Broker';

/** Each costs $0.30 a month, of which an account has ten free: so these are ten. */
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

/** What `all` adds. */
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

/** CloudWatch takes what has no unit as a plain number. */
export const units: { readonly [Name in MetricName]?: string } = {
  BytesIn: 'Bytes',
  BytesOut: 'Bytes',
  DeliveryLatency: 'Milliseconds',
  WillLateness: 'Milliseconds',
  KeepAliveLateness: 'Milliseconds',
  SessionExpiryLateness: 'Milliseconds',
};

/** The total that a count belongs to. */
export function totalOf(name: Count): Total | undefined {
  if (name.startsWith('MessagesIn')) return 'MessagesIn';
  if (name.startsWith('MessagesOut')) return 'MessagesOut';
  return name.startsWith('Dropped') ? 'MessagesDropped' : undefined;
}
