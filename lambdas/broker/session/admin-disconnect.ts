import type { AdminDisconnect, ConnectionRecord } from '../model/connection';
import type { ConnectionEvent } from '../model/connection-event';
import { connectionOf } from '../model/fence';
import type { Ports } from '../ports/ports';
import { completeEnding, type EndingTurn, publishWill, removeSessionItem, wakeSuccessor } from './session-end';

/** The wish among these events that a client be disconnected; of several the one that takes more away. */
export function adminDisconnectIn(events: readonly ConnectionEvent[]): AdminDisconnect | undefined {
  const wishes = events.flatMap((event) => (event.kind === 'adminDisconnect' ? [event.adminDisconnect] : []));
  return wishes.reduce<AdminDisconnect | undefined>(
    (one, other) => ({
      ...other,
      withWill: other.withWill && (one?.withWill ?? true),
      keepSession: other.keepSession && (one?.keepSession ?? true),
    }),
    undefined,
  );
}

/**
 * From now on nobody resumes the session, so that its rows can be removed however long that takes and however fast the client
 * is back. False when it is to be kept, or when the client has come back to it before: then it is not what was meant.
 */
export async function discardSession(
  ports: Ports,
  dismissal: AdminDisconnect | undefined,
  connection: ConnectionRecord | undefined,
): Promise<boolean> {
  if (!dismissal || dismissal.keepSession) return false;
  const { clientId, fence } = dismissal;
  if ((await ports.sessions.discard(clientId, fence)) === 'discarded') return true;
  if (!connection) return false;
  const head = await ports.sessions.read(clientId);
  return head?.session !== connection.session; // an earlier attempt came as far as that
}

/** The same for a client that is away: its will that still waits, and a session that was forsaken. */
export async function disconnectAbsent(
  ports: Ports,
  turn: EndingTurn,
  { clientId, fence, withWill }: AdminDisconnect,
  isForsaken: boolean,
  connection?: ConnectionRecord,
): Promise<void> {
  if (connection?.hasWill && !withWill) await ports.sessions.removeWill(clientId, connection.connectionId);
  if (!isForsaken) return;
  if (connection?.ended) return completeEnding(ports, turn, connection, { ...connection.ended, sessionEndsAt: 0 });
  const head = await ports.sessions.read(clientId);
  if (head?.fence !== fence) return;
  const connectionId = connectionOf(fence);
  const will = withWill ? await ports.sessions.will(clientId, connectionId) : undefined; // of a connection whose record is lost
  const { identity } = head;
  if (will) await publishWill(ports, turn.publisher, { clientId, connectionId, identity }, will);
  await turn.dispatch.sendMessages(); // while a next attempt would still find it
  await ports.sessions.removeWill(clientId, connectionId);
  const wiped = await turn.deleter.delete(clientId, head.session);
  const removed = await removeSessionItem(ports, turn.deleter, head);
  if (wiped === 'wiped') await ports.inflight.clear(head.session); // of what was put until then, see `orphans` in dispatch.ts
  if (removed !== 'changed') await wakeSuccessor(ports, { connectionId, fence }, removed);
}
