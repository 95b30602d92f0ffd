import { encode } from '../protocol/codec/encode';
import { downgrade, isExpired, toPublish } from '../protocol/deliver';
import type { SubscriptionRequest } from '../protocol/effects';
import { largestPacket } from '../protocol/limits';
import type { Permissions } from '../protocol/permissions';
import type { Deliverer } from './deliver';
import type { Dispatch } from './dispatch';
import type { Arrival, Delivery, Mail } from './mail';
import { logPacket } from './packet-log';
import { longestWrite, type Patience } from './patience';
import { liveOwner } from './placed';
import type { Ports } from './ports';
import { mailFor } from './publish';
import type { ConnectionRecord, OnceRecord, RetainedCopy } from './records';
import { ringSpan } from './ring';
import type { Subscribed } from './subscribe';
import { subscriberOf } from './subscribe';
import type { Origin } from './work';

/** Retained messages that one subscription gets at QoS 1 or 2. */
const retainedPerSubscription = ringSpan / 2;

/** Copies that are sent before they are compared with what is retained by then. */
const copiesPerCheck = 1000;

/** How often what changes while it is being sent is sent again. */
const corrections = 3;

/** What sending retained messages needs of a turn. */
export interface RetainedTurn {
  readonly ports: Ports;
  readonly dispatch: Dispatch;
  readonly deliverer: Deliverer;
  readonly connection: ConnectionRecord;
  readonly origin: Origin;
  readonly permissions: Permissions;
  readonly patience: Patience;
}

/** What a subscription was sent, by topic. */
interface Sent {
  readonly request: SubscriptionRequest;
  readonly copies: Map<string, SentCopy>;
}

interface SentCopy {
  readonly copy: RetainedCopy;
  /** It has a number, and what is published at QoS 1 or 2 since has a later one. */
  readonly isNumbered: boolean;
}

/**
 * The retained messages that new subscriptions are owed [v3 MQTT-3.3.1-6]. Others may publish to the same topics meanwhile. They store
 * a message, then look who has subscribed, and the subscription was written before anything is read here: so whatever changes from
 * now on also comes as a message of its own. The last that a client hears has to be what is retained. Each message of a topic has
 * left before the next is stored (`Retainer`), so only a copy that is read here may be older than a message that was sent before it.
 *
 * - Copies with a number: from when it is reserved the session counts as having something to send, so that later messages of QoS 1
 *   and 2 wait until the copies have left. What was replaced before that is left out.
 * - Messages of QoS 0 wait for nobody. So what is retained is read again when the copies have left, and where it is something else
 *   that may have come before them, it is sent once more.
 */
export async function sendRetained(turn: RetainedTurn, { granted, known }: Subscribed): Promise<void> {
  let unchecked: Sent[] = [];
  for (const request of granted) {
    const { retainHandling = 0, share, name } = request;
    const isOwed = retainHandling === 0 || (retainHandling === 1 && !known.has(name)); // [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]
    if (!isOwed || share !== undefined) continue; // section 4.8.2: a share gets none
    unchecked.push({ request, copies: await sendTo(turn, request) });
    if (unchecked.reduce((sum, { copies }) => sum + copies.size, 0) < copiesPerCheck) continue;
    await correct(turn, unchecked);
    unchecked = [];
  }
  await correct(turn, unchecked);
}

/** At QoS 0 straight to the client, which is known to be here; above through the ring. */
async function sendTo(turn: RetainedTurn, request: SubscriptionRequest): Promise<Map<string, SentCopy>> {
  const copies = await matching(turn, request);
  const copyOf = new Map(copies.map((copy) => [copy.message.topic, copy]));
  const mail = mailOf(turn, request, copies);
  for (const delivery of mail.flatMap(({ deliveries }) => deliveries)) {
    if (delivery.qos === 0) sendTransient(turn, delivery);
  }
  const durable = mail.map(withoutTransient).filter(({ deliveries }) => deliveries.length > 0);
  const stillWanted = (deliveries: readonly Delivery[]) => stillOwed(turn, request, deliveries, copyOf);
  for (const entry of durable) await sendNumbered(turn, { ...entry, stillWanted });
  const qosOf = new Map(
    mail.flatMap(({ deliveries }) => deliveries.map(({ qos, arrival }) => [arrival.message.topic, qos])),
  );
  return new Map(
    [...copyOf].flatMap(([topic, copy]) => {
      const qos = qosOf.get(topic);
      return qos === undefined ? [] : [[topic, { copy, isNumbered: qos > 0 }]];
    }),
  );
}

/** Nothing that is published later is sent past the copies before they have left. */
async function sendNumbered({ ports, dispatch, deliverer, connection }: RetainedTurn, mail: Mail): Promise<void> {
  await dispatch.send(); // SUBACK first
  const head = (await deliverer.deliver([mail])).get(mail.session)?.head;
  await dispatch.send();
  if (head && liveOwner(head) === connection.connectionId) await ports.sessions.answer(head, head.asked + 1);
}

/** Of copies that have got a number those that did not change meanwhile, and do not come as messages of their own as well. */
async function stillOwed(
  turn: RetainedTurn,
  { filter }: SubscriptionRequest,
  deliveries: readonly Delivery[],
  copyOf: ReadonlyMap<string, RetainedCopy>,
): Promise<readonly Delivery[]> {
  const current = await turn.ports.retained.current(filter, [...copyOf.values()]);
  const copyIn = ({ arrival: { message } }: Delivery) => copyOf.get(message.topic);
  const unchanged = deliveries.filter((delivery) => {
    const copy = copyIn(delivery);
    return copy !== undefined && current.get(copy.message.topic)?.revision === copy.revision;
  });
  const routings = unchanged.flatMap((delivery) => (delivery.qos === 2 ? (copyIn(delivery)?.routing ?? []) : []));
  const routed = await routedMeanwhile(turn, routings);
  return unchanged.filter((delivery) => !routed.has(copyIn(delivery)?.routing?.id ?? ''));
}

/**
 * Ids of QoS 2 messages that were stored before the copy was read, and found the subscription nevertheless when they were routed: each
 * is to be sent once. When its write is over its record tells; one from before SUBSCRIBE arrived is due to an older subscription.
 */
async function routedMeanwhile(
  { ports, connection: { session, connectionId }, origin, patience }: RetainedTurn,
  routings: readonly NonNullable<RetainedCopy['routing']>[],
): Promise<ReadonlySet<string>> {
  const recent = routings.filter(({ write: { at } }) => origin.receivedAt - at < longestWrite);
  if (recent.length === 0) return new Set();
  await patience.waitFor(
    recent.map(({ write }) => write).filter(({ turn }) => turn?.connectionId !== connectionId), // what it sent itself is routed
  );
  const records = await ports.inflight.once(recent.map(({ id }) => ({ session, id })));
  const isRouted = ({ done, routedAt = 0 }: OnceRecord) => !done && routedAt >= origin.receivedAt;
  return new Set(records.filter(isRouted).map(({ id }) => id));
}

/** Sends what is retained by now where that may have come before an older copy. */
async function correct(turn: RetainedTurn, all: readonly Sent[]): Promise<void> {
  let unchecked = all.filter(({ copies }) => copies.size > 0);
  if (unchecked.length === 0) return;
  await turn.dispatch.send();
  for (let round = 0; round < corrections; round++) {
    const corrected: Sent[] = [];
    for (const sent of unchecked) if (await sendChanged(turn, sent)) corrected.push(sent);
    if (corrected.length === 0) return;
    await turn.dispatch.send();
    unchecked = corrected;
  }
  turn.ports.log('retained messages keep changing', { clientId: turn.connection.clientId, corrections });
}

/** Returns whether anything was sent. A removal is told by an empty message, as it is told to those who have subscribed before. */
async function sendChanged(turn: RetainedTurn, { request, copies }: Sent): Promise<boolean> {
  const sent = [...copies.values()].map(({ copy }) => copy);
  const current = await turn.ports.retained.current(request.filter, sent);
  const changed: RetainedCopy[] = [];
  for (const [topic, { copy, isNumbered }] of copies) {
    const now = current.get(topic) ?? removed(topic);
    if (now.revision === copy.revision) continue;
    const comesBehind = isNumbered && (isEmpty(now) || downgrade(now.message.qos, request.qos) > 0);
    copies.set(topic, { copy: now, isNumbered: comesBehind });
    if (!comesBehind && !isExpired(now.message, turn.ports.now())) changed.push(now);
  }
  const deliveries = mailOf(turn, request, changed).flatMap((mail) => mail.deliveries);
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
  { connection, origin }: RetainedTurn,
  request: SubscriptionRequest,
  copies: readonly RetainedCopy[],
): Mail[] {
  const { noLocal, ...everything } = subscriberOf(connection, request);
  const heard = copies.filter(({ message }) => !noLocal || message.publisher !== connection.clientId);
  const arrivals = heard.map(({ message, revision }): Arrival => {
    const id = `${origin.id}/${request.filter}/${revision}`; // the same copy, when what is retained has changed before a repetition
    return { message: { ...message, retain: true }, id, replay: false, attempted: origin.redelivered, retained: true };
  });
  return mailFor(arrivals, () => [everything]);
}

/** Behind SUBACK in the same post. */
function sendTransient(
  { ports, dispatch, connection }: RetainedTurn,
  { arrival, retain, identifiers }: Delivery,
): void {
  const { connectionId, version, capabilities } = connection;
  const packet = toPublish(arrival.message, { qos: 0, dup: false, retain, identifiers, now: ports.now() });
  const bytes = encode(packet, version);
  const content = { qos: 0, payloadBytes: packet.payload.length } as const;
  if (bytes.length > largestPacket(capabilities)) {
    ports.log('packet too large', { connectionId, bytes: bytes.length });
    ports.metrics.count('DroppedTooLarge');
    return;
  }
  logPacket(ports, 'packet out', connection, packet, bytes.length);
  dispatch.outbox.answer(connectionId, () => bytes, content);
}

/** Numbers in the ring are not without end: what is sent through it at once has to leave room for everybody else. */
async function matching(
  { ports, connection, permissions }: RetainedTurn,
  { filter, qos }: SubscriptionRequest,
): Promise<RetainedCopy[]> {
  const now = ports.now();
  const copies = (await ports.retained.match(filter)).filter(
    ({ message }) => !isExpired(message, now) && permissions.mayReceive(message.topic),
  );
  if (qos === 0 || copies.length <= retainedPerSubscription) return copies;
  const dropped = copies.length - retainedPerSubscription;
  ports.log('too many retained messages', { clientId: connection.clientId, dropped });
  ports.metrics.count('DroppedLimit', dropped);
  return copies.slice(0, retainedPerSubscription);
}

function withoutTransient(mail: Mail): Mail {
  return { ...mail, deliveries: mail.deliveries.filter(({ qos }) => qos > 0) };
}
