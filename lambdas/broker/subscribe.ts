import type { RefusedRequest, SubscriptionName, SubscriptionRequest } from '../protocol/effects';
import { Reason, subscriptionFailure } from '../protocol/reason-codes';
import { shapeOf } from '../protocol/shape';
import type { Settings } from '../settings';
import { inParallel } from './parallel';
import type { Ports } from './ports';
import type { ConnectionRecord, Subscriber } from './records';
import type { Router } from './router';

/** Index rows written at the same time. */
const parallelRows = 50;

type Request = SubscriptionRequest | RefusedRequest;

/** Writes subscriptions and returns the codes of SUBACK. From then on every publish by anybody finds them. */
export async function subscribe(
  ports: Ports,
  settings: Settings,
  router: Router,
  connection: ConnectionRecord,
  requests: readonly Request[],
): Promise<Subscribed> {
  const shapes = new Set((await router.currentShapes()).keys());
  const limit = connection.version === 5 ? Reason.quotaExceeded : subscriptionFailure;
  const takes = await taker(ports, settings, connection);
  const codes = requests.map((request) => judge(request, shapes, takes, settings, ports) ?? limit);
  const granted = lastOfEach(
    requests.filter((_, index) => (codes[index] ?? limit) < subscriptionFailure) as SubscriptionRequest[],
  );
  const known = await alreadyThere(ports, connection, granted);
  if (granted.length > 0) await write(ports, connection, granted);
  router.refresh();
  return { codes, granted, known };
}

export interface Subscribed {
  readonly codes: number[];
  readonly granted: readonly SubscriptionRequest[];
  /** Names of those that replaced an older subscription, as far as anybody asks. */
  readonly known: ReadonlySet<string>;
}

/** Asked for only where the answer makes a difference: Retain Handling 1. */
async function alreadyThere(
  ports: Ports,
  { session }: ConnectionRecord,
  granted: readonly SubscriptionRequest[],
): Promise<ReadonlySet<string>> {
  const asking = granted.filter(({ retainHandling }) => retainHandling === 1).map(({ name }) => name);
  return asking.length > 0 ? ports.sessions.hasSubscriptions(session, asking) : new Set();
}

/** Takes a place for a subscription of the session, if there is one left; the same name takes only one. */
type Taker = (name: string) => boolean;

async function taker(ports: Ports, { maxSubscriptions }: Settings, { session }: ConnectionRecord): Promise<Taker> {
  if (maxSubscriptions === 0) return () => true;
  const names = new Set(await ports.sessions.subscriptions(session));
  return (name) => (names.size < maxSubscriptions && Boolean(names.add(name))) || names.has(name);
}

/** The QoS granted or a refusal. A new shape makes every publish dearer, so their number is limited: undefined beyond. */
function judge(
  request: Request,
  shapes: Set<string>,
  takes: Taker,
  settings: Settings,
  ports: Ports,
): number | undefined {
  if ('refused' in request) return request.refused;
  if (!takes(request.name)) return undefined;
  const shape = shapeOf(request.filter);
  if (!shapes.has(shape) && shapes.size >= settings.maxShapes) {
    ports.log('shape limit', { shape, maxShapes: settings.maxShapes });
    return undefined;
  }
  shapes.add(shape);
  return request.qos;
}

/** The same filter twice in one SUBSCRIBE: the later one replaces the earlier [v3 MQTT-3.8.4-3]. */
function lastOfEach(requests: readonly SubscriptionRequest[]): SubscriptionRequest[] {
  return [...new Map(requests.map((request) => [request.name, request])).values()];
}

async function write(ports: Ports, connection: ConnectionRecord, granted: SubscriptionRequest[]): Promise<void> {
  const rows = granted.map((request) => subscriberOf(connection, request));
  await Promise.all([
    ports.sessions.putSubscriptions(
      connection.session,
      granted.map(({ name }) => name),
    ),
    inParallel(rows, parallelRows, (row) => ports.topicIndex.put(row)),
  ]);
  await touchShapes(
    ports,
    granted.map(({ filter }) => filter),
  );
}

/**
 * Removes subscriptions and returns the codes of UNSUBACK; when it returns no new message is routed to them
 * [v3 MQTT-3.10.4-2]. Only MQTT 5.0 tells whether there was one, so only there it is looked up.
 */
export async function unsubscribe(
  ports: Ports,
  router: Router,
  { clientId, session, version }: ConnectionRecord,
  subscriptions: readonly SubscriptionName[],
): Promise<number[]> {
  const names = subscriptions.map(({ name }) => name);
  const filters = subscriptions.map(({ filter }) => filter);
  const rows = new Map(subscriptions.map(({ name, filter, share }) => [name, { filter, clientId, session, share }]));
  const known = version === 5 ? await ports.sessions.hasSubscriptions(session, names) : new Set(names);
  await Promise.all([
    ports.sessions.removeSubscriptions(session, names),
    inParallel([...rows.values()], parallelRows, (row) => ports.topicIndex.remove(row)),
  ]);
  const shapes = await router.currentShapes(); // a shape nobody has needs no revision, and must not get one
  await touchShapes(
    ports,
    filters.filter((filter) => shapes.has(shapeOf(filter))),
  );
  router.refresh();
  return names.map((name) => (known.delete(name) ? Reason.success : Reason.noSubscriptionExisted)); // named twice, it exists once
}

/** After the rows: whoever remembers rows under the new revision has read them after they changed. */
async function touchShapes(ports: Ports, filters: readonly string[]): Promise<void> {
  await Promise.all([...new Set(filters.map(shapeOf))].map((shape) => ports.topicIndex.touch(shape)));
}

export function subscriberOf({ clientId, session }: ConnectionRecord, request: SubscriptionRequest): Subscriber {
  const { filter, qos, noLocal, retainAsPublished, identifier, share } = request;
  return {
    filter,
    clientId,
    session,
    qos,
    ...(noLocal && { noLocal }),
    ...(retainAsPublished && { retainAsPublished }),
    ...(identifier !== undefined && { identifiers: [identifier] }),
    ...(share !== undefined && { share }),
  };
}
