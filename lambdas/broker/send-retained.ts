import { encode } from '../protocol/codec/encode';
import { isExpired, toPublish } from '../protocol/deliver';
import type { Message, SubscriptionRequest } from '../protocol/effects';
import { largestPacket } from '../protocol/limits';
import type { Permissions } from '../protocol/permissions';
import type { Deliverer } from './deliver';
import type { Dispatch } from './dispatch';
import type { Arrival, Delivery, Mail } from './mail';
import { logPacket } from './packet-log';
import type { Ports } from './ports';
import { mailFor } from './publish';
import type { ConnectionRecord } from './records';
import { ringSpan } from './ring';
import type { Subscribed } from './subscribe';
import { subscriberOf } from './subscribe';
import type { Origin } from './work';

/** Retained messages that one subscription gets at QoS 1 or 2. */
const retainedPerSubscription = ringSpan / 2;

/** What sending retained messages needs of a turn. */
export interface RetainedTurn {
  readonly ports: Ports;
  readonly dispatch: Dispatch;
  readonly deliverer: Deliverer;
  readonly connection: ConnectionRecord;
  readonly origin: Origin;
  readonly permissions: Permissions;
}

/** The retained messages that new subscriptions are owed [v3 MQTT-3.3.1-6]. */
export async function sendRetained(turn: RetainedTurn, { granted, known }: Subscribed): Promise<void> {
  for (const request of granted) {
    const { retainHandling = 0, share, name } = request;
    const isOwed = retainHandling === 0 || (retainHandling === 1 && !known.has(name)); // [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]
    if (isOwed && share === undefined) await sendTo(turn, request); // section 4.8.2: a share gets none
  }
}

/** At QoS 0 straight to the client, which is known to be here; above through the ring. */
async function sendTo(turn: RetainedTurn, request: SubscriptionRequest): Promise<void> {
  const { connection, origin, dispatch, deliverer } = turn;
  const messages = await matching(turn, request);
  const arrivals = messages.map((message, index): Arrival => {
    const id = `${origin.id}/${request.filter}/${index}`;
    return { message: { ...message, retain: true }, id, replay: false, attempted: origin.redelivered, retained: true };
  });
  const { noLocal, ...everything } = subscriberOf(connection, request);
  const heard = arrivals.filter(({ message }) => !noLocal || message.publisher !== connection.clientId);
  const mail = mailFor(heard, () => [everything]);
  for (const delivery of mail.flatMap(({ deliveries }) => deliveries)) {
    if (delivery.qos === 0) sendTransient(turn, delivery);
  }
  const durable = mail.map(withoutTransient).filter(({ deliveries }) => deliveries.length > 0);
  if (durable.length > 0) await dispatch.send(); // SUBACK first
  await deliverer.deliver(durable);
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
): Promise<Message[]> {
  const now = ports.now();
  const messages = (await ports.retained.match(filter)).filter(
    (message) => !isExpired(message, now) && permissions.mayReceive(message.topic),
  );
  if (qos === 0 || messages.length <= retainedPerSubscription) return messages;
  const dropped = messages.length - retainedPerSubscription;
  ports.log('too many retained messages', { clientId: connection.clientId, dropped });
  ports.metrics.count('DroppedLimit', dropped);
  return messages.slice(0, retainedPerSubscription);
}

function withoutTransient(mail: Mail): Mail {
  return { ...mail, deliveries: mail.deliveries.filter(({ qos }) => qos > 0) };
}
