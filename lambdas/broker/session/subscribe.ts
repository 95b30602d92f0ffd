import type { RefusedRequest, SubscriptionName, SubscriptionRequest } from '../../protocol/effects';
import { Reason, subscriptionFailure } from '../../protocol/reason-codes';
import { shapeOf } from '../../protocol/shape';
import type { Settings } from '../../settings';
import { inParallel, together } from '../../shared/parallel';
import type { ConnectionRecord } from '../model/connection';
import type { SessionId } from '../model/fence';
import type { ShapeList, Subscriber, SubscriptionCounts } from '../model/subscription';
import type { Ports } from '../ports/ports';
import { listShapes } from '../topic-index/list-shapes';
import type { Router } from '../topic-index/router';
import { freeShapes, ownerOf } from '../topic-index/shape-limit';
import { type FreeSubscriptions, freeSubscriptions } from '../topic-index/subscription-limit';

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
  const list = await router.currentShapes();
  const limit = connection.version === 5 ? Reason.quotaExceeded : subscriptionFailure;
  const places = await freeSubscriptions(ports, connection, { requests, limits: settings });
  const codes = requests.map((request) => judge(request, places) ?? limit);
  refuse(withoutRoom(ports, settings, connection, list, grantedOf(requests, codes)), requests, codes, limit);
  const wanted = lastOfEach(grantedOf(requests, codes));
  const known = await alreadyThere(ports, connection, wanted);
  if (wanted.length > 0) refuse(await write(ports, settings, connection, wanted, list), requests, codes, limit);
  router.refresh();
  return { codes, granted: lastOfEach(grantedOf(requests, codes)), known, counts: places.counts };
}

function grantedOf(requests: readonly Request[], codes: readonly number[]): SubscriptionRequest[] {
  return requests.filter((_, index) => (codes[index] ?? 0) < subscriptionFailure) as SubscriptionRequest[];
}

/** Turns the codes of filters that have one of these shapes into a refusal. */
function refuse(shapes: ReadonlySet<string>, requests: readonly Request[], codes: number[], limit: number): void {
  if (shapes.size === 0) return;
  for (const [index, request] of requests.entries()) {
    if ('filter' in request && shapes.has(shapeOf(request.filter))) codes[index] = limit;
  }
}

export interface Subscribed {
  readonly codes: number[];
  readonly granted: readonly SubscriptionRequest[];
  /** Names of those that replaced an older subscription, as far as anybody asks. */
  readonly known: ReadonlySet<string>;
  /** Subscriptions of the session afterwards. */
  readonly counts: SubscriptionCounts | undefined;
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

/** The QoS granted, a refusal, or undefined where the session has as many subscriptions as it may have. */
function judge(request: Request, places: FreeSubscriptions): number | undefined {
  if ('refused' in request) return request.refused;
  return places.take(request.name) ? request.qos : undefined;
}

/** New shapes that have no place in the list. Each shape makes every publish dearer, so places are limited. */
function withoutRoom(
  { log }: Ports,
  { maxShapes }: Settings,
  connection: ConnectionRecord,
  list: ShapeList,
  requests: readonly SubscriptionRequest[],
): ReadonlySet<string> {
  const fresh = [...shapesOf(requests)].filter((shape) => !list.revisions.has(shape));
  if (fresh.length === 0) return noShapes;
  const room = freeShapes(list, ownerOf(connection), maxShapes);
  const exhausted = new Map(fresh.map((shape) => [shape, room(shape)]));
  const refused = fresh.filter((shape) => exhausted.get(shape));
  const [shape = ''] = refused;
  const share = exhausted.get(shape) ?? '';
  if (shape) log('shape limit', { clientId: connection.clientId, refused: refused.length, shape, share, maxShapes });
  return new Set(refused);
}

const noShapes: ReadonlySet<string> = new Set();

function shapesOf(subscriptions: readonly { readonly filter: string }[]): Set<string> {
  return new Set(subscriptions.map(({ filter }) => shapeOf(filter)));
}

/** The same filter twice in one SUBSCRIBE: the later one replaces the earlier [v3 MQTT-3.8.4-3]. */
function lastOfEach(requests: readonly SubscriptionRequest[]): SubscriptionRequest[] {
  return [...new Map(requests.map((request) => [request.name, request])).values()];
}

/**
 * Returns the shapes that others were faster to take the last places from; of their filters nothing is left. The rows of the session
 * come first: by them the end of the session finds the rows of the index, also those of a SUBSCRIBE that died.
 */
async function write(
  ports: Ports,
  settings: Settings,
  connection: ConnectionRecord,
  wanted: readonly SubscriptionRequest[],
  list: ShapeList,
): Promise<ReadonlySet<string>> {
  const rows = wanted.map((request) => subscriberOf(connection, request));
  const { fence, session, lastNumber } = connection;
  const turn = fence === session ? { committed: lastNumber } : undefined;
  const names = wanted.map(({ name }) => name);
  await ports.sessions.putSubscriptions(session, names);
  const results = await inParallel(rows, parallelRows, (row) => ports.topicIndex.put(row, turn));
  const changed = wanted.filter(
    ({ filter }, index) => results[index] !== 'unchanged' || !list.revisions.has(shapeOf(filter)),
  );
  const refused = await listShapes(ports, connection, {
    shapes: [...shapesOf(changed)],
    list,
    maxShapes: settings.maxShapes,
  });
  const lost = wanted.filter(({ filter }) => refused.has(shapeOf(filter)));
  if (lost.length > 0) await removeRows(ports, connection, lost);
  return refused;
}

/** Names up to which each is looked up; where there are more, all subscriptions of the session are read. */
const fewNames = 100;

/** Which of these the session has. */
async function subscribedTo({ sessions }: Ports, session: SessionId, names: readonly string[]): Promise<Set<string>> {
  if (names.length <= fewNames) return sessions.hasSubscriptions(session, names);
  const asked = new Set(names);
  return new Set((await sessions.subscriptions(session)).filter((name) => asked.has(name)));
}

/** The rows of the session last, see `write`. */
async function removeRows(
  ports: Ports,
  connection: ConnectionRecord,
  subscriptions: readonly SubscriptionName[],
): Promise<void> {
  const names = subscriptions.map(({ name }) => name);
  await removeIndexRows(ports, connection, subscriptions);
  await ports.sessions.removeSubscriptions(connection.session, names);
}

async function removeIndexRows(
  { topicIndex }: Ports,
  { clientId, session }: ConnectionRecord,
  subscriptions: readonly SubscriptionName[],
): Promise<void> {
  const rows = new Map(subscriptions.map(({ name, filter, share }) => [name, { filter, clientId, session, share }]));
  await inParallel([...rows.values()], parallelRows, (row) => topicIndex.remove(row));
}

/**
 * Removes subscriptions and returns the codes of UNSUBACK; when it returns no new message is routed to them
 * [v3 MQTT-3.10.4-2]. What the session has not subscribed to changes nothing, and costs others nothing.
 */
export async function unsubscribe(
  ports: Ports,
  router: Router,
  connection: ConnectionRecord,
  subscriptions: readonly SubscriptionName[],
): Promise<number[]> {
  const { session } = connection;
  const names = subscriptions.map(({ name }) => name);
  const known = await subscribedTo(ports, session, names);
  const removed = subscriptions.filter(({ name }) => known.has(name));
  if (removed.length > 0) {
    await removeIndexRows(ports, connection, removed);
    const { revisions } = await router.currentShapes();
    const shapes = [...shapesOf(removed)].filter((shape) => revisions.has(shape));
    // After the rows: a container that remembers rows under the new revision has read them after they changed.
    await together([...shapes.map((shape) => ports.topicIndex.touch(shape)), ports.shapeChecks.request(shapes)]);
    await ports.sessions.removeSubscriptions(session, [...known]); // last: until then a repetition finds what is left to do
    router.refresh();
  }
  return names.map((name) => (known.delete(name) ? Reason.success : Reason.noSubscriptionExisted)); // named twice, it exists once
}

export function subscriberOf(
  { clientId, session }: Pick<ConnectionRecord, 'clientId' | 'session'>,
  request: SubscriptionRequest,
): Subscriber {
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

/** Whether two rows of one client for one filter ask for the same. */
export function isSameSubscription(one: Subscriber, other: Subscriber): boolean {
  const [identifier] = one.identifiers ?? [];
  const [otherIdentifier] = other.identifiers ?? [];
  return (
    one.session === other.session &&
    one.qos === other.qos &&
    Boolean(one.noLocal) === Boolean(other.noLocal) &&
    Boolean(one.retainAsPublished) === Boolean(other.retainAsPublished) &&
    identifier === otherIdentifier
  );
}
