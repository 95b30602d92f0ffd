import type { QoS } from '../../protocol/packets';
import type { Metrics } from '../ports/metrics';

/** A PUBLISH from a client or to one. */
export interface Traffic {
  readonly qos: QoS;
  readonly payloadBytes: number;
}

/** Counts messages of clients, at the end of their turn so that a repeated turn counts once. */
export function countReceived(metrics: Metrics, messages: readonly { qos: QoS; payload: Buffer }[]): void {
  for (const { qos, payload } of messages) {
    metrics.count(`MessagesInQos${qos}`);
    metrics.count('BytesIn', payload.length);
  }
}

/** Counts messages that the gateway has accepted for a client. */
export function countSent(metrics: Metrics, sent: readonly Traffic[]): void {
  for (const { qos, payloadBytes } of sent) {
    metrics.count(`MessagesOutQos${qos}`);
    metrics.count('BytesOut', payloadBytes);
  }
}
