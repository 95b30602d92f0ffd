import type { Continuation, RetainedContinuation } from '../broker/model/continuation';
import type { PendingRetained } from '../broker/model/retained-message';
import type { QoS } from '../protocol/packets';
import { subscriptionName } from '../protocol/subscription-name';

/** What the body of an event begins with that continues work. */
const mark = 'continue#';

/** Bytes of JSON in one body: in base64, and with the attributes of the event, below the 256 KiB that every SQS queue takes. */
const bytesPerBody = 120_000;

/** Options of a subscription in one number: QoS in two bits, then these. */
const noLocalBit = 4;
const retainAsPublishedBit = 8;

/** A subscription with its options, its identifier or 0, its cursor if it has one, and how many messages it was sent. */
type OwedEntry = readonly [name: string, options: number, identifier: number, cursor: string | null, queued: number];

/** Subscriptions of one SUBSCRIBE. */
type OwedGroup = readonly [id: string, receivedAt: number, entries: OwedEntry[]];

type RetainedBody = Omit<RetainedContinuation, 'pending'> & { readonly owed: readonly OwedGroup[] };
type Body = Exclude<Continuation, RetainedContinuation> | RetainedBody;

/** Bodies of events, several where there is too much for one. They are ASCII, whatever is in the names of subscriptions. */
export function continuationBodies(continuation: Continuation): string[] {
  if (continuation.task !== 'retained') return [bodyOf(continuation)];
  const { pending, ...rest } = continuation;
  return partsOf(pending).map((part) => bodyOf({ ...rest, owed: groupsOf(part) }));
}

/** The work in the body of an event, if there is any. */
export function readContinuation(body: string): Continuation | undefined {
  if (!body.startsWith(mark)) return undefined;
  const read = JSON.parse(Buffer.from(body.slice(mark.length), 'base64').toString()) as Body;
  if (read.task !== 'retained') return read;
  const { owed, ...rest } = read;
  return { ...rest, pending: owed.flatMap(pendingIn) };
}

function bodyOf(body: Body): string {
  return mark + Buffer.from(JSON.stringify(body)).toString('base64');
}

function partsOf(owed: readonly PendingRetained[]): PendingRetained[][] {
  const parts: PendingRetained[][] = [];
  let room = 0;
  for (const one of owed) {
    const size = Buffer.byteLength(JSON.stringify([one.id, one.receivedAt, entryOf(one)]));
    if (size > room) {
      parts.push([]);
      room = bytesPerBody;
    }
    parts.at(-1)?.push(one);
    room -= size;
  }
  return parts;
}

function groupsOf(owed: readonly PendingRetained[]): OwedGroup[] {
  const groups = new Map<string, OwedGroup>();
  for (const one of owed) {
    const group = groups.get(one.id) ?? [one.id, one.receivedAt, []];
    group[2].push(entryOf(one));
    groups.set(one.id, group);
  }
  return [...groups.values()];
}

function entryOf({ request, cursor, queued }: PendingRetained): OwedEntry {
  const { name, qos, noLocal, retainAsPublished, identifier = 0 } = request;
  const options = qos + (noLocal ? noLocalBit : 0) + (retainAsPublished ? retainAsPublishedBit : 0);
  return [name, options, identifier, cursor ?? null, queued];
}

function pendingIn([id, receivedAt, entries]: OwedGroup): PendingRetained[] {
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
