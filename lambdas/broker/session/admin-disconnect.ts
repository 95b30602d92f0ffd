import type { AdminDisconnect, ConnectionRecord } from '../model/connection';
import type { ConnectionEvent } from '../model/connection-event';
import { connectionOf } from '../model/fence';
import type { Ports } from '../ports/ports';
import { completeEnding, type EndingTurn } from './complete-ending';
import { removeSessionItem, wakeSuccessor } from './release-session';
import { publishWill } from './will';

/** Returns the administrator's request among these events; of several the one that removes more. */
export function adminDisconnectIn(events: readonly ConnectionEvent[]): AdminDisconnect | undefined {
  const requests = events.flatMap((event) => (event.kind === 'adminDisconnect' ? [event.adminDisconnect] : []));
  return requests.reduce<AdminDisconnect | undefined>(
    (one, other) => ({
      ...other,
      withWill: other.withWill && (one?.withWill ?? true),
      keepSession: other.keepSession && (one?.keepSession ?? true),
    }),
    undefined,
  );
}

/**
 * Discards the session that an administrator wants removed: from now on nobody resumes it, so its rows can be removed however long
 * that takes. Returns false if the session is to be kept, or if the client has come back to it before.
 */
export async function discardSession(
  ports: Ports,
  request: AdminDisconnect | undefined,
  connection: ConnectionRecord | undefined,
): Promise<boolean> {
  if (!request || request.keepSession) return false;
  const { clientId, fence } = request;
  if ((await ports.sessions.discard(clientId, fence)) === 'discarded') return true;
  if (!connection) return false;
  const item = await ports.sessions.read(clientId);
  return item?.session !== connection.session; // an earlier attempt came as far as that
}

/** An administrator's request about a client that is not connected. */
export interface AbsentClient extends AdminDisconnect {
  /** The session was discarded. */
  readonly isDiscarded: boolean;
  /** The last connection of the client, if its record is still there. */
  readonly connection?: ConnectionRecord;
}

/** Handles an administrator's request about a client that is not connected: its delayed will, and a discarded session. */
export async function disconnectAbsent(ports: Ports, turn: EndingTurn, request: AbsentClient): Promise<void> {
  const { clientId, fence, withWill, isDiscarded, connection } = request;
  if (connection?.hasWill && !withWill) await ports.sessions.removeWill(clientId, connection.connectionId);
  if (!isDiscarded) return;
  if (connection?.ended)
    return completeEnding(ports, turn, { ...connection, ended: { ...connection.ended, sessionEndsAt: 0 } });
  const item = await ports.sessions.read(clientId);
  if (item?.fence !== fence) return;
  const connectionId = connectionOf(fence);
  const will = withWill ? await ports.sessions.will(clientId, connectionId) : undefined; // its connection's record is lost
  const { identity } = item;
  if (will) await publishWill(ports, turn.publisher, { clientId, connectionId, identity, will });
  await turn.dispatch.sendMessages(); // while a next attempt would still find the will
  await ports.sessions.removeWill(clientId, connectionId);
  const deleted = await turn.deleter.delete(clientId, item.session);
  const removed = await removeSessionItem(ports, turn.deleter, item);
  if (deleted === 'deleted') await ports.inflight.clear(item.session); // messages that were queued until then, see `orphans` in dispatch.ts
  if (removed !== 'changed') await wakeSuccessor(ports, { connectionId, fence }, removed);
}
