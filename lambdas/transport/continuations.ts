import type { Continuation, RetainedContinuation } from '../broker/model/continuation';
import type { PendingRetained } from '../broker/model/retained-message';
import type { QoS } from '../protocol/packets';
import { subscriptionName } from '../protocol/subscription-name';

/** Prefix of the body of an event that continues work. */
const prefix = 'continue#';

/** Bytes of JSON in one body. In base64 and with its attributes, the message stays below 256 KiB, the limit of every SQS queue. */
const maxBodyBytes = 120_000;

/** Bits of the options of a subscription. The lowest two bits are the QoS. */
const noLocalBit = 4;
const retainAsPublishedBit = 8;

/**
 * A subscription that still has retained messages to get: its options, its identifier or 0, the cursor if the search has begun,
 * and the number of messages queued so far.
 */
type PendingEntry = readonly [name: string, options: number, identifier: number, cursor: string | null, queued: number];

/** The subscriptions of one SUBSCRIBE. */
type PendingGroup = readonly [id: string, receivedAt: number, entries: PendingEntry[]];

/** The body of a continuation. `owed` keeps its name because other releases read it. */
type RetainedBody = Omit<RetainedContinuation, 'pending'> & { readonly owed: readonly PendingGroup[] };
type Body = Exclude<Continuation, RetainedContinuation> | RetainedBody;

/**
 * Returns the bodies of the events that continue the work: more than one if a body would become too large. The bodies are ASCII,
 * whatever characters the topic filters have.
 */
export function continuationBodies(continuation: Continuation): string[] {
  if (continuation.task !== 'retained') return [bodyOf(continuation)];
  const { pending, ...rest } = continuation;
  return partsOf(pending).map((part) => bodyOf({ ...rest, owed: groupsOf(part) }));
}

/** Reads the body of an event. Returns undefined if it continues no work. */
export function readContinuation(body: string): Continuation | undefined {
  if (!body.startsWith(prefix)) return undefined;
  const read = JSON.parse(Buffer.from(body.slice(prefix.length), 'base64').toString()) as Body;
  if (read.task !== 'retained') return read;
  const { owed, ...rest } = read;
  return { ...rest, pending: owed.flatMap(pendingIn) };
}

function bodyOf(body: Body): string {
  return prefix + Buffer.from(JSON.stringify(body)).toString('base64');
}

function partsOf(pending: readonly PendingRetained[]): PendingRetained[][] {
  const parts: PendingRetained[][] = [];
  let remainingBytes = 0;
  for (const subscription of pending) {
    const { id, receivedAt } = subscription;
    const bytes = Buffer.byteLength(JSON.stringify([id, receivedAt, entryOf(subscription)]));
    if (bytes > remainingBytes) {
      parts.push([]);
      remainingBytes = maxBodyBytes;
    }
    parts.at(-1)?.push(subscription);
    remainingBytes -= bytes;
  }
  return parts;
}

function groupsOf(pending: readonly PendingRetained[]): PendingGroup[] {
  const groups = new Map<string, PendingGroup>();
  for (const subscription of pending) {
    const { id, receivedAt } = subscription;
    const group = groups.get(id) ?? [id, receivedAt, []];
    group[2].push(entryOf(subscription));
    groups.set(id, group);
  }
  return [...groups.values()];
}

function entryOf({ request, cursor, queued }: PendingRetained): PendingEntry {
  const { name, qos, noLocal, retainAsPublished, identifier = 0 } = request;
  const options = qos + (noLocal ? noLocalBit : 0) + (retainAsPublished ? retainAsPublishedBit : 0);
  return [name, options, identifier, cursor ?? null, queued];
}

function pendingIn([id, receivedAt, entries]: PendingGroup): PendingRetained[] {
  return entries.map(([name, options, identifier, cursor, queued]) => ({
    request: {
      ...subscriptionName(name, 5),
      qos: (options & 3) as QoS,
      ...(options & noLocalBit ? { noLocal: true } : {}),
      ...(options & retainAsPublishedBit ? { retainAsPublished: true } : {}),
      ...(identifier > 0 ? { identifier } : {}),
    },
    id,
    receivedAt,
    attempted: true,
    ...(cursor === null ? {} : { cursor }),
    queued,
  }));
}
