import type { QoS } from '../../protocol/packets';
import type { Metrics } from '../ports/metrics';

/** A PUBLISH that came in or goes out. */
export interface Traffic {
  readonly qos: QoS;
  readonly payloadBytes: number;
}

/** Messages that were taken in; counted once their turn is sure to count. */
export function countReceived(metrics: Metrics, messages: readonly { qos: QoS; payload: Buffer }[]): void {
  for (const { qos, payload } of messages) {
    metrics.count(`MessagesInQos${qos}`);
    metrics.count('BytesIn', payload.length);
  }
}

/** Messages that the gateway has accepted for a client. */
export function countSent(metrics: Metrics, sent: readonly Traffic[]): void {
  for (const { qos, payloadBytes } of sent) {
    metrics.count(`MessagesOutQos${qos}`);
    metrics.count('BytesOut', payloadBytes);
  }
}
