import type { SQSRecord } from 'aws-lambda';
import type { AdminDisconnect } from '../broker/model/connection';
import type { ConnectionEvent } from '../broker/model/connection-event';
import { attributes, eventAttempts } from '../deployment';
import { readContinuation } from './continuations';

/** Kinds of events in the queue. A continuation is sent as a wake with a body, an admin disconnect under the name `dismiss`. */
export type SentKind = Exclude<ConnectionEvent['kind'], 'continue' | 'adminDisconnect'> | 'dismiss';

const kinds: readonly string[] = ['message', 'disconnect', 'wake', 'expired', 'dismiss'] satisfies SentKind[];

/** Reads a record of the packet queue. @throws Error if it is not an event of a connection. */
export function toConnectionEvent(record: SQSRecord): ConnectionEvent {
  const connectionId = record.attributes.MessageGroupId;
  const kind = attribute(record, attributes.event);
  if (!connectionId || !isKind(kind)) throw new Error(`record ${record.messageId} is not an event: ${kind}`);
  const base = {
    id: record.messageId,
    connectionId,
    receivedAt: Number(attribute(record, attributes.receivedAt)),
    redelivered: isRedelivered(record),
    exhausted: receives(record) > eventAttempts,
  };
  if (kind === 'dismiss') {
    return { ...base, kind: 'adminDisconnect', adminDisconnect: JSON.parse(record.body) as AdminDisconnect };
  }
  if (kind === 'disconnect') return { ...base, kind, ...ownerIn(record.body) };
  const continuation = kind === 'wake' && readContinuation(record.body);
  if (continuation) return { ...base, kind: 'continue', continuation };
  if (kind !== 'message') return { ...base, kind };
  return {
    ...base,
    kind,
    connectedAt: Number(attribute(record, attributes.connectedAt)),
    text: record.body,
    address: attribute(record, attributes.address),
  };
}

/** Reads the client id from an event of the broker. API Gateway's own event has none. */
function ownerIn(body: string): { readonly clientId?: string } {
  return body.startsWith('{') ? (JSON.parse(body) as { readonly clientId: string }) : {};
}

function isKind(kind: string): kind is SentKind {
  return kinds.includes(kind);
}

/** True if SQS has delivered the record before, so that an earlier attempt may have processed it. */
export function isRedelivered(record: SQSRecord): boolean {
  return receives(record) > 1;
}

function receives(record: SQSRecord): number {
  return Number(record.attributes.ApproximateReceiveCount);
}

function attribute(record: SQSRecord, name: string): string {
  return record.messageAttributes[name]?.stringValue ?? '';
}
