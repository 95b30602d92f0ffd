import type { Arrival } from './deliver';
import { inParallel } from './parallel';
import type { ConnectionRecord, Ports, SessionId } from './ports';
import type { Publisher } from './publish';

/** Index rows removed at the same time. */
const parallelRows = 50;

/** Removes everything a session left behind: rows of its subscriptions, then its messages. Safe to repeat. */
export async function wipeSession(ports: Ports, clientId: string, session: SessionId): Promise<void> {
  const filters = await ports.sessions.subscriptions(session);
  await inParallel(filters, parallelRows, (filter) => ports.topicIndex.remove(filter, clientId, session));
  await Promise.all([ports.sessions.removeSubscriptions(session, filters), ports.inflight.clear(session)]);
}

/** The connection has no owner's rights any more; a session that lives only as long as its connection ends. */
export async function endConnection(ports: Ports, connection: ConnectionRecord): Promise<void> {
  const { connectionId, clientId, fence, clean, session, hasState, hasWill, deadline } = connection;
  if (clean && hasState) await wipeSession(ports, clientId, session);
  await Promise.all([
    clean ? ports.sessions.end(clientId, fence) : ports.sessions.disown(clientId, fence),
    hasWill ? ports.sessions.removeWill(clientId, connectionId) : undefined,
    ports.deadlines.remove({ due: deadline, connectionId }),
  ]);
  await ports.connectionStore.remove(connectionId);
}

/**
 * Publishes the will of a connection that was lost [v3 MQTT-3.1.2-8]. At QoS 0 removing it is the right to publish it, so
 * it is published at most once; above, it is removed after it is safe.
 */
export async function publishWill(ports: Ports, publisher: Publisher, connection: ConnectionRecord): Promise<void> {
  if (!connection.hasWill) return;
  const { clientId, connectionId } = connection;
  const message = await ports.sessions.will(clientId, connectionId);
  if (!message) return;
  const arrival: Arrival = { message, id: `will#${connectionId}`, replay: false, attempted: true, retained: false };
  if (message.qos > 0) return publisher.publish([arrival]);
  if (message.retain) await publisher.retain([arrival]);
  if ((await ports.sessions.removeWill(clientId, connectionId)) === 'absent') return;
  await publisher.route([arrival]);
}
