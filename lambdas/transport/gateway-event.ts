import type { SQSRecord } from 'aws-lambda';
import type { ConnectionEvent } from '../broker/inbox';
import { attributes, eventAttempts } from '../deployment';

const kinds: readonly string[] = [
  'message',
  'disconnect',
  'wake',
  'expired',
  'dismiss',
] satisfies ConnectionEvent['kind'][];

/** A record of the packet queue as an event of its connection. */
export function toConnectionEvent(record: SQSRecord): ConnectionEvent {
  const connectionId = record.attributes.MessageGroupId;
  const kind = attribute(record, attributes.event);
  if (!connectionId || !kinds.includes(kind)) throw new Error(`record ${record.messageId} is not an event: ${kind}`);
  return {
    id: record.messageId,
    connectionId,
    kind: kind as ConnectionEvent['kind'],
    connectedAt: Number(attribute(record, attributes.connectedAt)),
    receivedAt: Number(attribute(record, attributes.receivedAt)),
    text: record.body,
    address: attribute(record, attributes.address),
    redelivered: isRedelivered(record),
    exhausted: receives(record) > eventAttempts,
  };
}

/** SQS delivers at least once; what was handed out before may have been worked on. */
export function isRedelivered(record: SQSRecord): boolean {
  return receives(record) > 1;
}

function receives(record: SQSRecord): number {
  return Number(record.attributes.ApproximateReceiveCount);
}

function attribute(record: SQSRecord, name: string): string {
  return record.messageAttributes[name]?.stringValue ?? '';
}
