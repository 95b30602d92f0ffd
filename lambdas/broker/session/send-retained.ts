import { encode } from '../../protocol/codec/encode';
import { maxOutgoingPacketSize } from '../../protocol/limits';
import { messageSize } from '../../protocol/message-size';
import { downgrade, isExpired, toPublish } from '../../protocol/outgoing-publish';
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
import { maxWriteDuration, type RetainedWriteWait } from '../publishing/retained-write-wait';
import { subscriberOf } from './subscribe';

/** Retained messages of QoS 1 and 2 that one subscription gets at most. */
const maxRetainedPerSubscription = queueSpan / 2;

/** Pages, messages and bytes of messages after which one turn begins no further page. */
const turnBudget = { pages: 64, messages: 250, bytes: 1_000_000 };

/** Pages read at the same time. */
const parallelPages = 8;

/** Rounds in which retained messages that changed while they were sent are sent again. */
const maxCorrections = 3;

/** The session that retained messages are sent to. */
export type RetainedRecipient = Pick<
  ConnectionRecord,
  'connectionId' | 'clientId' | 'session' | 'version' | 'capabilities'
>;

/** Collaborators of a turn that sends retained messages, and the recipient. */
export interface RetainedTurn {
  readonly ports: Ports;
  readonly dispatch: Dispatch;
  readonly deliverer: Deliverer;
  readonly recipient: RetainedRecipient;
  /** True if the client is away: messages of QoS 0 are not sent. */
  readonly isAway: boolean;
  readonly permissions: Permissions;
  readonly retainedWait: RetainedWriteWait;
}

/** A page of the retained messages of one subscription. */
interface Part {
  readonly pending: PendingRetained;
  readonly page: RetainedPage;
  /** Messages of the page that the client may receive. */
  readonly copies: readonly RetainedCopy[];
  /** Messages that were sent, by topic. */
  readonly sent: Map<string, SentCopy>;
  /** Messages behind this page. */
  readonly rest?: PendingRetained;
}

/** A retained message that was sent. */
interface SentCopy {
  readonly copy: RetainedCopy;
  /** True if it is queued under a number: messages of QoS 1 and 2 that are published later get later numbers. */
  readonly isNumbered: boolean;
}

/** The page and the copy that each delivery comes from. */
type Sources = ReadonlyMap<Delivery, { readonly part: Part; readonly copy: RetainedCopy }>;

/**
 * Sends retained messages to new subscriptions [v3 MQTT-3.3.1-6], as many as one turn may send. Returns those that are still pending.
 *
 * Other clients may publish to the same topics meanwhile. They store a message, then read who has subscribed; the subscription was written
 * before anything is read here. So every change from now on also arrives as a message of its own, and the last message that a client
 * receives has to be the retained one. Each message of a topic has left before the next is stored (`RetainedWriter`), so only a copy
 * that is read here may be older than a message that was sent before it.
 *
 * - Queued copies (QoS 1 and 2): from the reservation of their numbers on the session counts as having messages to send, so later
 *   messages of QoS 1 and 2 wait until the copies have left. A copy that was replaced before that is left out.
 * - Messages of QoS 0 wait for nothing. So the topics are read again when the copies have left, and a message that may have been sent
 *   before its older copy is sent once more.
 *
 * This holds for each page by itself, whenever it is read.
 */
export async function sendRetained(
  turn: RetainedTurn,
  pending: readonly PendingRetained[],
): Promise<readonly PendingRetained[]> {
  const { parts, left } = await readParts(turn, pending);
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

/** Reads pages until the budget of the turn is spent. */
async function readParts(
  turn: RetainedTurn,
  pending: readonly PendingRetained[],
): Promise<{ readonly parts: readonly Part[]; readonly left: readonly PendingRetained[] }> {
  const parts: Part[] = [];
  let { pages, messages, bytes } = turnBudget;
  let left = pending;
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

/** Reads one page. Numbers of the queue are limited: retained messages have to leave numbers to others. */
async function readPart({ ports, recipient, permissions }: RetainedTurn, pending: PendingRetained): Promise<Part> {
  const now = ports.now();
  const { filter, qos } = pending.request;
  const page = await ports.retained.page(filter, pending.cursor);
  const copies = page.copies.filter(({ message }) => !isExpired(message, now) && permissions.mayReceive(message.topic));
  const max = qos === 0 ? copies.length : maxRetainedPerSubscription - pending.queued;
  const dropped = copies.length - max;
  if (dropped > 0) {
    ports.log('too many retained messages', { clientId: recipient.clientId, dropped });
    ports.metrics.count('DroppedLimit', dropped);
  }
  const isLast = page.next === undefined || dropped > 0;
  const queued = pending.queued + (qos === 0 ? 0 : copies.length);
  return {
    pending,
    page,
    copies: dropped > 0 ? copies.slice(0, max) : copies,
    sent: new Map(),
    ...(!isLast && { rest: { ...pending, cursor: page.next, queued } }),
  };
}

function deliveriesOf(turn: RetainedTurn, part: Part): [Delivery, { part: Part; copy: RetainedCopy }][] {
  const copyOf = new Map(part.copies.map((copy) => [copy.message.topic, copy]));
  const deliveries = deliveriesTo(turn, part.pending, part.copies).flatMap(({ deliveries }) => deliveries);
  return deliveries.flatMap((delivery) => {
    const copy = copyOf.get(delivery.incoming.message.topic);
    return copy ? [[delivery, { part, copy }] as [Delivery, { part: Part; copy: RetainedCopy }]] : [];
  });
}

/** Sends copies through the queue. A message that is published later is not sent before they have left. */
async function sendNumbered(turn: RetainedTurn, deliveries: readonly Delivery[], sources: Sources): Promise<void> {
  const { ports, dispatch, deliverer, recipient } = turn;
  const { clientId, session, connectionId } = recipient;
  await dispatch.send(); // SUBACK first
  const stillWanted = (wanted: readonly Delivery[]) => stillWantedOf(turn, wanted, sources);
  const queued = await deliverer.deliver([{ clientId, session, deliveries, stillWanted }]);
  const item = queued.get(session)?.item;
  await dispatch.send();
  if (item && liveConnection(item) === connectionId) await ports.sessions.markWakeHandled(item, item.wakeRequests + 1);
}

/** Returns the queued copies that have not changed meanwhile, and do not also arrive as messages of their own. */
async function stillWantedOf(
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
 * Returns QoS 2 messages that were stored before the copy was read and routed to the new subscription as well: each must be sent once.
 * When its write is over, its record tells. A message that was routed before SUBSCRIBE arrived belongs to an older subscription. A
 * completed record has lost the time of its routing: in the turn of the SUBSCRIBE it was before, later it may have been after.
 */
async function routedMeanwhile(
  { ports, recipient: { session, connectionId }, retainedWait }: RetainedTurn,
  deliveries: readonly Delivery[],
  sources: Sources,
): Promise<ReadonlySet<Delivery>> {
  const recent = deliveries.flatMap((delivery) => {
    const { part, copy } = sources.get(delivery) ?? {};
    const { routing } = copy ?? {};
    if (!part || !routing || part.pending.receivedAt - routing.write.at >= maxWriteDuration) return [];
    return [{ delivery, routing, pending: part.pending }];
  });
  if (recent.length === 0) return new Set();
  await retainedWait.waitFor(
    recent.map(({ routing: { write } }) => write).filter(({ turn }) => turn?.connectionId !== connectionId), // its own messages are routed
  );
  const ids = [...new Set(recent.map(({ routing }) => routing.id))];
  const records = new Map(
    (await ports.inflight.qos2Records(ids.map((id) => ({ session, id })))).map((record) => [record.id, record]),
  );
  const isRouted = ({ attempted, receivedAt }: PendingRetained, { done, routedAt = 0 }: Qos2Record) =>
    done ? attempted : routedAt >= receivedAt;
  const routed = recent.filter(({ pending, routing }) => {
    const record = records.get(routing.id);
    return record && isRouted(pending, record);
  });
  return new Set(routed.map(({ delivery }) => delivery));
}

/** Sends retained messages again that may have been sent before an older copy. */
async function correct(turn: RetainedTurn, all: readonly Part[]): Promise<void> {
  let unchecked = all.filter(({ sent }) => sent.size > 0);
  if (unchecked.length === 0) return;
  await turn.dispatch.send();
  for (let round = 0; round < maxCorrections; round++) {
    const isCorrected = await inParallel(unchecked, parallelPages, (part) => sendChanged(turn, part));
    unchecked = unchecked.filter((_, index) => isCorrected[index]);
    if (unchecked.length === 0) return;
    await turn.dispatch.send();
  }
  turn.ports.log('retained messages keep changing', { clientId: turn.recipient.clientId, corrections: maxCorrections });
}

/** Returns true if a message was sent. A removal is sent as an empty message, as earlier subscribers receive it. */
async function sendChanged(turn: RetainedTurn, { pending, page, sent }: Part): Promise<boolean> {
  const current = await page.current();
  const changed: RetainedCopy[] = [];
  for (const [topic, { copy, isNumbered }] of sent) {
    const now = current.get(topic) ?? removed(topic);
    if (now.revision === copy.revision) continue;
    const isLater = isNumbered && (isEmpty(now) || downgrade(now.message.qos, pending.request.qos) > 0);
    sent.set(topic, { copy: now, isNumbered: isLater });
    if (!isLater && !isExpired(now.message, turn.ports.now())) changed.push(now);
  }
  const deliveries = deliveriesTo(turn, pending, changed).flatMap(({ deliveries }) => deliveries);
  for (const delivery of deliveries) sendTransient(turn, { ...delivery, qos: 0 });
  return deliveries.length > 0;
}

function removed(topic: string): RetainedCopy {
  return { message: { topic, payload: Buffer.alloc(0), qos: 0, retain: true }, revision: '' };
}

function isEmpty({ message }: RetainedCopy): boolean {
  return message.payload.length === 0;
}

function deliveriesTo(
  { recipient }: RetainedTurn,
  pending: PendingRetained,
  copies: readonly RetainedCopy[],
): SessionDeliveries[] {
  const { request, id, attempted } = pending;
  const { noLocal, ...subscriber } = subscriberOf(recipient, request);
  const received = copies.filter(({ message }) => !noLocal || message.publisher !== recipient.clientId);
  const messages = received.map(({ message, revision }): IncomingMessage => {
    const copyId = `${id}/${request.filter}/${revision}`; // the same copy, when what is retained has changed before a repetition
    return { message: { ...message, retain: true }, id: copyId, replay: false, attempted, retained: true };
  });
  return deliveriesFor(messages, () => [subscriber]);
}

/** Sends a message of QoS 0 behind SUBACK, in the same post. */
function sendTransient(
  { ports, dispatch, recipient }: RetainedTurn,
  { incoming, retain, identifiers }: Delivery,
): void {
  const { connectionId, version, capabilities } = recipient;
  const packet = toPublish(incoming.message, { qos: 0, dup: false, retain, identifiers, now: ports.now() });
  const bytes = encode(packet, version);
  const content = { qos: 0, payloadBytes: packet.payload.length } as const;
  if (bytes.length > maxOutgoingPacketSize(capabilities)) {
    ports.log('packet too large', { connectionId, bytes: bytes.length });
    ports.metrics.count('DroppedTooLarge');
    return;
  }
  logPacket(ports, recipient, { direction: 'out', packet, size: bytes.length });
  dispatch.outbox.respond(connectionId, () => bytes, content);
}
