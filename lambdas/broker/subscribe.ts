import type { RefusedRequest, SubscriptionRequest } from '../protocol/effects';
import { subscriptionFailure } from '../protocol/reason-codes';
import { shapeOf } from '../protocol/shape';
import type { Settings } from '../settings';
import { inParallel } from './parallel';
import type { ConnectionRecord, Ports, Subscriber } from './ports';
import type { Router } from './router';

/** Index rows written at the same time. */
const parallelRows = 50;

type Request = SubscriptionRequest | RefusedRequest;

/** Levels of a topic filter. Its shape has a letter for each of them, and has to fit into a key of the index. */
const maximumLevels = 1024;

/** Writes subscriptions and returns the codes of SUBACK. From then on every publish by anybody finds them. */
export async function subscribe(
  ports: Ports,
  settings: Settings,
  router: Router,
  connection: ConnectionRecord,
  requests: readonly Request[],
): Promise<{ codes: number[]; granted: SubscriptionRequest[] }> {
  const shapes = new Set((await router.currentShapes()).keys());
  const codes = requests.map((request) => judge(request, shapes, settings, ports));
  const granted = lastOfEach(
    requests.filter(
      (request, index) => !('refused' in request) && codes[index] !== subscriptionFailure,
    ) as SubscriptionRequest[],
  );
  if (granted.length > 0) await write(ports, connection, granted);
  router.refresh();
  return { codes, granted };
}

/** A new shape makes every publish dearer, so their number is limited. */
function judge(request: Request, shapes: Set<string>, settings: Settings, ports: Ports): number {
  if ('refused' in request) return request.refused;
  const shape = shapeOf(request.filter);
  if (shape.length > maximumLevels) return subscriptionFailure;
  if (!shapes.has(shape) && shapes.size >= settings.maxShapes) {
    ports.log('shape limit', { shape, maxShapes: settings.maxShapes });
    return subscriptionFailure;
  }
  shapes.add(shape);
  return request.qos;
}

/** The same filter twice in one SUBSCRIBE: the later one replaces the earlier [v3 MQTT-3.8.4-3]. */
function lastOfEach(requests: readonly SubscriptionRequest[]): SubscriptionRequest[] {
  return [...new Map(requests.map((request) => [request.filter, request])).values()];
}

async function write(ports: Ports, connection: ConnectionRecord, granted: SubscriptionRequest[]): Promise<void> {
  const rows = granted.map((request) => subscriberOf(connection, request));
  await Promise.all([
    ports.sessions.putSubscriptions(
      connection.session,
      granted.map(({ filter }) => filter),
    ),
    inParallel(rows, parallelRows, (row) => ports.topicIndex.put(row)),
  ]);
  await touchShapes(
    ports,
    granted.map(({ filter }) => filter),
  );
}

/** Removes subscriptions; when it returns no new message is routed to them [v3 MQTT-3.10.4-2]. */
export async function unsubscribe(
  ports: Ports,
  router: Router,
  { clientId, session }: ConnectionRecord,
  filters: readonly string[],
): Promise<void> {
  await Promise.all([
    ports.sessions.removeSubscriptions(session, filters),
    inParallel([...new Set(filters)], parallelRows, (filter) => ports.topicIndex.remove(filter, clientId, session)),
  ]);
  const shapes = await router.currentShapes(); // a shape nobody has needs no revision, and must not get one
  await touchShapes(
    ports,
    filters.filter((filter) => shapes.has(shapeOf(filter))),
  );
  router.refresh();
}

/** After the rows: whoever remembers rows under the new revision has read them after they changed. */
async function touchShapes(ports: Ports, filters: readonly string[]): Promise<void> {
  await Promise.all([...new Set(filters.map(shapeOf))].map((shape) => ports.topicIndex.touch(shape)));
}

export function subscriberOf({ clientId, session }: ConnectionRecord, request: SubscriptionRequest): Subscriber {
  return { filter: request.filter, clientId, session, qos: request.qos };
}
