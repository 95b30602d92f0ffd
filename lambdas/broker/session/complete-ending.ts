import type { Will } from '../../protocol/effects';
import type { ConnectionRecord, Ending } from '../model/connection';
import type { SessionItem } from '../model/session';
import { publishLifecycleEvent } from '../observability/lifecycle-events';
import type { Dispatch } from '../outbound/dispatch';
import type { Ports } from '../ports/ports';
import type { Publisher } from '../publishing/publisher';
import type { SessionDeleter } from './delete-session';
import { keepRecord, removeSessionItem, wakeSuccessor } from './release-session';
import { publishWill } from './will';

/** Collaborators of a turn that completes the end of a connection. */
export interface EndingTurn {
  readonly publisher: Publisher;
  readonly dispatch: Dispatch;
  readonly deleter: SessionDeleter;
}

/** A connection that has ended, and the deadlines that it has left. */
export interface EndedConnection extends ConnectionRecord {
  readonly ended: Ending;
}

/** Does what is due for a connection that has ended: publishes its delayed will, ends its session. Safe to repeat. */
export async function completeEnding(ports: Ports, turn: EndingTurn, connection: EndedConnection): Promise<void> {
  const { clientId, connectionId, session, fence, hasWill, ended } = connection;
  const item = await ports.sessions.read(clientId);
  const now = ports.now();
  const isOwn = item?.fence === fence;
  const isReplaced = isOwn && item.successor?.cleanStart === true;
  const isEnded = isOwn
    ? isReplaced || (ended.sessionEndsAt ?? Number.POSITIVE_INFINITY) <= now
    : item?.session !== session;
  // A client that returned in time has removed its will.
  const isWillDue = isEnded || !isOwn || (ended.willAt ?? Number.POSITIVE_INFINITY) <= now;
  const will = isWillDue && hasWill ? await ports.sessions.will(clientId, connectionId) : undefined;
  if (will) await publishDueWill(ports, turn, { ...connection, will });
  await turn.dispatch.sendMessages(); // while a next attempt would still find the will
  const { removed, isDeleted } =
    isOwn && isEnded ? await expireSession(ports, turn, { connection, item }) : { removed: item, isDeleted: true };
  // Messages that were queued until then, see `orphans` in dispatch.ts. A client that has replaced the session clears it itself.
  if (isEnded && (isOwn || !item) && isDeleted) await ports.inflight.clear(session);
  if (hasWill && isWillDue) await ports.sessions.removeWill(clientId, connectionId);
  const isLeft = isOwn && !isEnded;
  if (isLeft && isWillDue && item.willAt !== undefined) await ports.sessions.clearWillDeadline(clientId, fence);
  const { willAt, sessionEndsAt } = ended;
  await keepRecord(ports, connection, isLeft ? { sessionEndsAt, ...(isWillDue ? {} : { willAt }) } : {});
  await wakeSuccessor(ports, connection, removed); // it may have come since
}

async function publishDueWill(
  ports: Ports,
  { publisher }: EndingTurn,
  connection: EndedConnection & { readonly will: Will },
): Promise<void> {
  const { willAt } = connection.ended;
  const now = ports.now();
  await publishWill(ports, publisher, connection);
  ports.metrics.measure('WillLateness', Math.max(0, now - (willAt ?? now)));
}

/** Removes rows and item of a session whose end is due. `removed`: its item as it was found last. */
async function expireSession(
  ports: Ports,
  { deleter }: EndingTurn,
  { connection, item }: { readonly connection: EndedConnection; readonly item: SessionItem },
): Promise<{ readonly removed: SessionItem; readonly isDeleted: boolean }> {
  const now = ports.now();
  ports.metrics.measure('SessionExpiryLateness', Math.max(0, now - (connection.ended.sessionEndsAt ?? now)));
  const deleted = await deleter.delete(connection.clientId, connection.session);
  await publishLifecycleEvent(ports, connection, { type: 'session expired' });
  const removed = await removeSessionItem(ports, deleter, item);
  return { removed: removed === 'changed' ? item : removed, isDeleted: deleted === 'deleted' };
}
