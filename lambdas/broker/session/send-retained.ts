import { encode } from '../../protocol/codec/encode';
import { downgrade, isExpired, toPublish } from '../../protocol/deliver';
import { largestPacket } from '../../protocol/limits';
import { messageSize } from '../../protocol/message-size';
import type { Permissions } from '../../protocol/permissions';
import { inParallel, together } from '../../shared/parallel';
import type { Deliverer } from '../delivery/deliverer';
import { liveConnection } from '../delivery/queue-items';
import type { ConnectionRecord } from '../model/connection';
import type { Delivery, IncomingMessage, SessionDeliveries } from '../model/delivery';
import { queueSpan } from '../model/queue-slots';
import type { Qos2Record } from '../model/queued-message';
import type { PendingRetained, RetainedCopy } from '../model/retained-message';
import { logPacket } from '../observability/packet-log';
import type { Dispatch } from '../outbound/dispatch';
import type { Ports } from '../ports/ports';
import type { RetainedPage } from '../ports/retained-store';
import { deliveriesFor } from '../publishing/publisher';
import { longestWrite, type RetainedWriteWait } from '../publishing/retained-write-wait';
import { subscriberOf } from './subscribe';

/** Retained messages that one subscription gets at QoS 1 or 2. */
const retainedPerSubscription = queueSpan / 2;

/** What one turn reads and sends at most, besides what is in the pages that it has begun: pages, messages, bytes of messages. */
const turnRoom = { pages: 64, messages: 250, bytes: 1_000_000 };

/** Pages read at the same time. */
const parallelPages = 8;

/** How often what changes while it is being sent is sent again. */
const corrections = 3;

/** Whom retained messages are for. */
export type RetainedRecipient = Pick<
  ConnectionRecord,
  'connectionId' | 'clientId' | 'session' | 'version' | 'capabilities'
>;

/** What sending retained messages needs of a turn. */
export interface RetainedTurn {
  readonly ports: Ports;
  readonly dispatch: Dispatch;
  readonly deliverer: Deliverer;
  readonly recipient: RetainedRecipient;
  /** Its client is away: what is QoS 0 is not for it. */
  readonly isAway: boolean;
  readonly permissions: Permissions;
  readonly retainedWait: RetainedWriteWait;
}

/** A page of what a subscription is owed. */
interface Part {
  readonly owed: PendingRetained;
  readonly page: RetainedPage;
  /** Those on the page that it gets. */
  readonly copies: readonly RetainedCopy[];
  /** What it was sent, by topic. */
  readonly sent: Map<string, SentCopy>;
  /** What it is owed after this page. */
  readonly rest?: PendingRetained;
}

interface SentCopy {
  readonly copy: RetainedCopy;
  /** It has a number, and what is published at QoS 1 or 2 since has a later one. */
  readonly isNumbered: boolean;
}

/** The page that each delivery comes from, and its copy there. */
type Sources = ReadonlyMap<Delivery, { readonly part: Part; readonly copy: RetainedCopy }>;

/**
 * The retained messages that new subscriptions are owed [v3 MQTT-3.3.1-6], as many as one turn may send; returns what is still owed.
 * Others may publish to the same topics meanwhile. They store a message, then look who has subscribed, and the subscription was
 * written before anything is read here: so whatever changes from now on also comes as a message of its own. The last that a client
 * hears has to be what is retained. Each message of a topic has left before the next is stored (`Retainer`), so only a copy that is
 * read here may be older than a message that was sent before it.
 *
 * - Copies with a number: from when it is reserved the session counts as having something to send, so that later messages of QoS 1
 *   and 2 wait until the copies have left. What was replaced before that is left out.
 * - Messages of QoS 0 wait for nobody. So what is retained is read again when the copies have left, and where it is something else
 *   that may have come before them, it is sent once more.
 *
 * This holds for each page by itself, whenever it is read.
 */
export async function sendRetained(
  turn: RetainedTurn,
  owed: readonly PendingRetained[],
): Promise<readonly PendingRetained[]> {
  const { parts, left } = await readParts(turn, owed);
  const sources: Sources = new Map(parts.flatMap((part) => deliveriesOf(turn, part)));
  for (const [{ qos, incoming }, { part, copy }] of sources) {
    part.sent.set(incoming.message.topic, { copy, isNumbered: qos > 0 });
  }
  const deliveries = [...sources.keys()];
  if (!turn.isAway) for (const delivery of deliveries) if (delivery.qos === 0) sendTransient(turn, delivery);
  const numbered = deliveries.filter(({ qos }) => qos > 0);
  if (numbered.length > 0) await sendNumbered(turn, numbered, sources);
  if (!turn.isAway) await correct(turn, parts);
  return left;
}

/** Reads pages until the turn has enough of them. */
async function readParts(
  turn: RetainedTurn,
  owed: readonly PendingRetained[],
): Promise<{ readonly parts: readonly Part[]; readonly left: readonly PendingRetained[] }> {
  const parts: Part[] = [];
  let { pages, messages, bytes } = turnRoom;
  let left = owed;
  while (left.length > 0 && pages > 0 && messages > 0 && bytes > 0) {
    const batch = left.slice(0, Math.min(parallelPages, pages));
    const read = await together(batch.map((one) => readPart(turn, one)));
    parts.push(...read);
    left = [...read.flatMap(({ rest }) => rest ?? []), ...left.slice(batch.length)];
    const copies = read.flatMap((part) => part.copies);
    pages -= batch.length;
    messages -= copies.length;
    bytes -= copies.reduce((sum, { message }) => sum + messageSize(message), 0);
  }
  return { parts, left };
}

/** Numbers in the ring are not without end: what is sent through it has to leave room for everybody else. */
async function readPart({ ports, recipient, permissions }: RetainedTurn, owed: PendingRetained): Promise<Part> {
  const now = ports.now();
  const { filter, qos } = owed.request;
  const page = await ports.retained.page(filter, owed.cursor);
  const copies = page.copies.filter(({ message }) => !isExpired(message, now) && permissions.mayReceive(message.topic));
  const most = qos === 0 ? copies.length : retainedPerSubscription - owed.queued;
  const dropped = copies.length - most;
  if (dropped > 0) {
    ports.log('too many retained messages', { clientId: recipient.clientId, dropped });
    ports.metrics.count('DroppedLimit', dropped);
  }
  const isOver = page.next === undefined || dropped > 0;
  const queued = owed.queued + (qos === 0 ? 0 : copies.length);
  return {
    owed,
    page,
    copies: dropped > 0 ? copies.slice(0, most) : copies,
    sent: new Map(),
    ...(!isOver && { rest: { ...owed, cursor: page.next, queued } }),
  };
}

function deliveriesOf(turn: RetainedTurn, part: Part): [Delivery, { part: Part; copy: RetainedCopy }][] {
  const copyOf = new Map(part.copies.map((copy) => [copy.message.topic, copy]));
  const deliveries = mailOf(turn, part.owed, part.copies).flatMap((mail) => mail.deliveries);
  return deliveries.flatMap((delivery) => {
    const copy = copyOf.get(delivery.incoming.message.topic);
    return copy ? [[delivery, { part, copy }] as [Delivery, { part: Part; copy: RetainedCopy }]] : [];
  });
}

/** Nothing that is published later is sent past the copies before they have left. */
async function sendNumbered(turn: RetainedTurn, deliveries: readonly Delivery[], sources: Sources): Promise<void> {
  const { ports, dispatch, deliverer, recipient } = turn;
  const { clientId, session, connectionId } = recipient;
  await dispatch.send(); // SUBACK first
  const stillWanted = (wanted: readonly Delivery[]) => stillOwed(turn, wanted, sources);
  const placed = await deliverer.deliver([{ clientId, session, deliveries, stillWanted }]);
  const head = placed.get(session)?.head;
  await dispatch.send();
  if (head && liveConnection(head) === connectionId) await ports.sessions.markWakeHandled(head, head.wakeRequests + 1);
}

/** Of copies that have got a number those that did not change meanwhile, and do not come as messages of their own as well. */
async function stillOwed(
  turn: RetainedTurn,
  deliveries: readonly Delivery[],
  sources: Sources,
): Promise<readonly Delivery[]> {
  const parts = [...new Set(deliveries.flatMap((delivery) => sources.get(delivery)?.part ?? []))];
  const current = new Map(await inParallel(parts, parallelPages, async (part) => [part, await part.page.current()]));
  const unchanged = deliveries.filter((delivery) => {
    const { part, copy } = sources.get(delivery) ?? {};
    return part && copy && current.get(part)?.get(copy.message.topic)?.revision === copy.revision;
  });
  const routed = await routedMeanwhile(
    turn,
    unchanged.filter(({ qos }) => qos === 2),
    sources,
  );
  return unchanged.filter((delivery) => !routed.has(delivery));
}

/**
 * QoS 2 messages that were stored before the copy was read, and found the subscription nevertheless when they were routed: each
 * is to be sent once. When its write is over its record tells. One that was routed before SUBSCRIBE arrived is due to an older
 * subscription. When a record was completed the time of its routing is gone: in the turn of SUBSCRIBE itself that was before it,
 * later it may have been since.
 */
async function routedMeanwhile(
  { ports, recipient: { session, connectionId }, retainedWait }: RetainedTurn,
  deliveries: readonly Delivery[],
  sources: Sources,
): Promise<ReadonlySet<Delivery>> {
  const recent = deliveries.flatMap((delivery) => {
    const { part, copy } = sources.get(delivery) ?? {};
    const { routing } = copy ?? {};
    if (!part || !routing || part.owed.receivedAt - routing.write.at >= longestWrite) return [];
    return [{ delivery, routing, owed: part.owed }];
  });
  if (recent.length === 0) return new Set();
  await retainedWait.waitFor(
    recent.map(({ routing: { write } }) => write).filter(({ turn }) => turn?.connectionId !== connectionId), // what it sent itself is routed
  );
  const ids = [...new Set(recent.map(({ routing }) => routing.id))];
  const records = new Map(
    (await ports.inflight.qos2Records(ids.map((id) => ({ session, id })))).map((record) => [record.id, record]),
  );
  const isRouted = ({ attempted, receivedAt }: PendingRetained, { done, routedAt = 0 }: Qos2Record) =>
    done ? attempted : routedAt >= receivedAt;
  const routed = recent.filter(({ owed, routing }) => {
    const record = records.get(routing.id);
    return record && isRouted(owed, record);
  });
  return new Set(routed.map(({ delivery }) => delivery));
}

/** Sends what is retained by now where that may have come before an older copy. */
async function correct(turn: RetainedTurn, all: readonly Part[]): Promise<void> {
  let unchecked = all.filter(({ sent }) => sent.size > 0);
  if (unchecked.length === 0) return;
  await turn.dispatch.send();
  for (let round = 0; round < corrections; round++) {
    const isCorrected = await inParallel(unchecked, parallelPages, (part) => sendChanged(turn, part));
    unchecked = unchecked.filter((_, index) => isCorrected[index]);
    if (unchecked.length === 0) return;
    await turn.dispatch.send();
  }
  turn.ports.log('retained messages keep changing', { clientId: turn.recipient.clientId, corrections });
}

/** Returns whether anything was sent. A removal is told by an empty message, as it is told to those who have subscribed before. */
async function sendChanged(turn: RetainedTurn, { owed, page, sent }: Part): Promise<boolean> {
  const current = await page.current();
  const changed: RetainedCopy[] = [];
  for (const [topic, { copy, isNumbered }] of sent) {
    const now = current.get(topic) ?? removed(topic);
    if (now.revision === copy.revision) continue;
    const comesBehind = isNumbered && (isEmpty(now) || downgrade(now.message.qos, owed.request.qos) > 0);
    sent.set(topic, { copy: now, isNumbered: comesBehind });
    if (!comesBehind && !isExpired(now.message, turn.ports.now())) changed.push(now);
  }
  const deliveries = mailOf(turn, owed, changed).flatMap((mail) => mail.deliveries);
  for (const delivery of deliveries) sendTransient(turn, { ...delivery, qos: 0 });
  return deliveries.length > 0;
}

function removed(topic: string): RetainedCopy {
  return { message: { topic, payload: Buffer.alloc(0), qos: 0, retain: true }, revision: '' };
}

function isEmpty({ message }: RetainedCopy): boolean {
  return message.payload.length === 0;
}

function mailOf(
  { recipient }: RetainedTurn,
  owed: PendingRetained,
  copies: readonly RetainedCopy[],
): SessionDeliveries[] {
  const { request, id, attempted } = owed;
  const { noLocal, ...everything } = subscriberOf(recipient, request);
  const heard = copies.filter(({ message }) => !noLocal || message.publisher !== recipient.clientId);
  const arrivals = heard.map(({ message, revision }): IncomingMessage => {
    const copyId = `${id}/${request.filter}/${revision}`; // the same copy, when what is retained has changed before a repetition
    return { message: { ...message, retain: true }, id: copyId, replay: false, attempted, retained: true };
  });
  return deliveriesFor(arrivals, () => [everything]);
}

/** Behind SUBACK in the same post. */
function sendTransient(
  { ports, dispatch, recipient }: RetainedTurn,
  { incoming, retain, identifiers }: Delivery,
): void {
  const { connectionId, version, capabilities } = recipient;
  const packet = toPublish(incoming.message, { qos: 0, dup: false, retain, identifiers, now: ports.now() });
  const bytes = encode(packet, version);
  const content = { qos: 0, payloadBytes: packet.payload.length } as const;
  if (bytes.length > largestPacket(capabilities)) {
    ports.log('packet too large', { connectionId, bytes: bytes.length });
    ports.metrics.count('DroppedTooLarge');
    return;
  }
  logPacket(ports, recipient, { direction: 'out', packet, size: bytes.length });
  dispatch.outbox.respond(connectionId, () => bytes, content);
}
