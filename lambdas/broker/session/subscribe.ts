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

/** Collaborators of a turn that changes subscriptions. */
export interface SubscribingTurn {
  readonly ports: Ports;
  readonly settings: Settings;
  readonly router: Router;
}

/** The result of SUBSCRIBE. */
export interface Subscribed {
  /** Codes of SUBACK, in the order of the requests. */
  readonly codes: readonly number[];
  /** Requests that were granted; of a filter that is named twice the last [v3 MQTT-3.8.4-3]. */
  readonly granted: readonly SubscriptionRequest[];
  /** Names of those that replaced an older subscription, where a Retain Handling of 1 depends on it. */
  readonly known: ReadonlySet<string>;
  /** Subscriptions of the session afterwards. */
  readonly counts: SubscriptionCounts | undefined;
}

/** Writes subscriptions. From then on every PUBLISH of every client finds them. */
export async function subscribe(
  { ports, settings, router }: SubscribingTurn,
  connection: ConnectionRecord,
  requests: readonly Request[],
): Promise<Subscribed> {
  const { maxShapes } = settings;
  const list = await router.currentShapes();
  const free = await freeSubscriptions(ports, connection, { requests, limits: settings });
  const grants = new Grants(requests, free, connection.version === 5 ? Reason.quotaExceeded : subscriptionFailure);
  grants.refuse(shapesBeyondLimit(ports, connection, { requests: grants.granted, list, maxShapes }));
  const { granted } = grants;
  const known = await replacedBy(ports, connection, granted);
  if (granted.length > 0) grants.refuse(await write(ports, connection, { requests: granted, list, maxShapes }));
  router.refresh();
  return { codes: grants.codes, granted: grants.granted, known, counts: free.counts };
}

/** SUBACK codes of the requests of a turn. */
class Grants {
  readonly codes: number[];

  constructor(
    private readonly requests: readonly Request[],
    free: FreeSubscriptions,
    /** Code of a request that a limit refuses. */
    private readonly limitCode: number,
  ) {
    this.codes = requests.map((request) => {
      if ('refused' in request) return request.refused;
      return free.take(request.name) ? request.qos : limitCode;
    });
  }

  /** Requests that are granted so far; of a filter that is named twice the last. */
  get granted(): SubscriptionRequest[] {
    const granted = this.requests.flatMap((request, index) =>
      'refused' in request || (this.codes[index] ?? 0) >= subscriptionFailure ? [] : [request],
    );
    return [...new Map(granted.map((request) => [request.name, request])).values()];
  }

  /** Refuses the requests whose filters have one of these shapes. */
  refuse(shapes: ReadonlySet<string>): void {
    if (shapes.size === 0) return;
    for (const [index, request] of this.requests.entries()) {
      if ('filter' in request && shapes.has(shapeOf(request.filter))) this.codes[index] = this.limitCode;
    }
  }
}

/** Returns the names of subscriptions that the session has already, where it matters: for Retain Handling 1. */
async function replacedBy(
  ports: Ports,
  { session }: ConnectionRecord,
  granted: readonly SubscriptionRequest[],
): Promise<ReadonlySet<string>> {
  const names = granted.filter(({ retainHandling }) => retainHandling === 1).map(({ name }) => name);
  return names.length > 0 ? ports.sessions.hasSubscriptions(session, names) : new Set();
}

/** Requests whose shapes are listed, where there is a limit on shapes. */
interface ListedRequests {
  readonly requests: readonly SubscriptionRequest[];
  readonly list: ShapeList;
  readonly maxShapes: number;
}

/** Returns new shapes that a limit keeps out of the list. Each shape makes every PUBLISH more expensive. */
function shapesBeyondLimit(
  { log }: Ports,
  connection: ConnectionRecord,
  { requests, list, maxShapes }: ListedRequests,
): ReadonlySet<string> {
  const fresh = [...shapesOf(requests)].filter((shape) => !list.revisions.has(shape));
  if (fresh.length === 0) return noShapes;
  const limitFor = freeShapes(list, ownerOf(connection), maxShapes);
  const limits = new Map(fresh.map((shape) => [shape, limitFor(shape)]));
  const refused = fresh.filter((shape) => limits.get(shape));
  const [shape = ''] = refused;
  const share = limits.get(shape) ?? '';
  if (shape) log('shape limit', { clientId: connection.clientId, refused: refused.length, shape, share, maxShapes });
  return new Set(refused);
}

const noShapes: ReadonlySet<string> = new Set();

function shapesOf(subscriptions: readonly { readonly filter: string }[]): Set<string> {
  return new Set(subscriptions.map(({ filter }) => shapeOf(filter)));
}

/**
 * Writes the rows of subscriptions. Returns the shapes whose last places other clients were faster to take; rows of their filters are
 * removed again. The rows of the session are written first: by them the end of the session finds the rows of the index, also those of a
 * SUBSCRIBE that died.
 */
async function write(
  ports: Ports,
  connection: ConnectionRecord,
  { requests, list, maxShapes }: ListedRequests,
): Promise<ReadonlySet<string>> {
  const rows = requests.map((request) => subscriberOf(connection, request));
  const { fence, session, lastNumber } = connection;
  const turn = fence === session ? { committed: lastNumber } : undefined;
  const names = requests.map(({ name }) => name);
  await ports.sessions.putSubscriptions(session, names);
  const results = await inParallel(rows, parallelRows, (row) => ports.topicIndex.put(row, turn));
  const changed = requests.filter(
    ({ filter }, index) => results[index] !== 'unchanged' || !list.revisions.has(shapeOf(filter)),
  );
  const refused = await listShapes(ports, connection, {
    shapes: [...shapesOf(changed)],
    list,
    maxShapes,
  });
  const lost = requests.filter(({ filter }) => refused.has(shapeOf(filter)));
  if (lost.length > 0) await removeRows(ports, connection, lost);
  return refused;
}

/** Number of names up to which each is looked up. For more, all subscriptions of the session are read. */
const fewNames = 100;

/** Returns those of these subscriptions that the session has. */
async function subscribedTo({ sessions }: Ports, session: SessionId, names: readonly string[]): Promise<Set<string>> {
  if (names.length <= fewNames) return sessions.hasSubscriptions(session, names);
  const wanted = new Set(names);
  return new Set((await sessions.subscriptions(session)).filter((name) => wanted.has(name)));
}

/** Removes rows, those of the session last, see `write`. */
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
 * Removes subscriptions and returns the codes of UNSUBACK. When it returns, no new message is routed to them [v3 MQTT-3.10.4-2].
 * A name that the session has not subscribed to changes nothing, and costs other clients nothing.
 */
export async function unsubscribe(
  { ports, router }: Pick<SubscribingTurn, 'ports' | 'router'>,
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

/** Returns the index row of a subscription. */
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

/** True if two rows of one client for one filter have the same options. */
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
