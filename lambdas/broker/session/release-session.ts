import { together } from '../../shared/parallel';
import { nextDeadline, startTimer } from '../expiry/deadlines';
import type { ConnectionRecord, Ending } from '../model/connection';
import { connectionOf } from '../model/fence';
import type { SessionItem } from '../model/session';
import type { Ports } from '../ports/ports';
import { keepUnreleased } from '../publishing/unreleased-packet-ids';
import { releaseConnection } from './connection-limit';
import type { SessionDeleter } from './delete-session';
import { uncountSession } from './session-limit';

/**
 * Releases the session of a connection that ends, or ends the session with it. The record of the connection stays until a delayed will
 * and the end of the session are due.
 */
export async function releaseSession(
  ports: Ports,
  deleter: SessionDeleter,
  { connection, ending }: { readonly connection: ConnectionRecord; readonly ending: Ending },
): Promise<void> {
  const { connectionId, clientId, fence, sessionExpiry, session, hasState, hasWill, isCounted } = connection;
  const { willAt, sessionEndsAt } = ending;
  const [{ item, isEnded, isUsed = false }] = await together([
    sessionExpiry === 0 ? endSession(ports, deleter, connection) : leaveSession(ports, connection, ending),
    hasWill && willAt === undefined ? ports.sessions.removeWill(clientId, connectionId) : undefined,
    isCounted ? releaseConnection(ports, connection) : undefined,
  ]);
  if (isEnded && (hasState || isUsed)) await deleter.delete(clientId, session); // not before, see `orphans` in dispatch.ts
  const hasReturned = willAt !== undefined && item?.session === session && item.fence !== fence; // [MQTT-3.1.3-9]
  if (hasReturned) await ports.sessions.removeWill(clientId, connectionId);
  const isLeft = !isEnded && item?.fence === fence; // perhaps by an earlier attempt, at another time
  const left = isLeft ? { willAt: item.willAt, sessionEndsAt: item.expiresAt } : { willAt, sessionEndsAt };
  await keepRecord(ports, connection, hasReturned ? { sessionEndsAt } : left);
  await wakeSuccessor(ports, connection, item);
}

/** The session after its connection has left or ended it. */
interface ReleasedSession {
  readonly item: SessionItem | undefined;
  readonly isEnded: boolean;
  /** A message was queued for it, whether its client has subscribed to it or not. */
  readonly isUsed?: boolean;
}

/** The session may have ended all the same: an earlier attempt ended it, with a shorter expiry for example, or a client replaced it. */
async function leaveSession(ports: Ports, connection: ConnectionRecord, ending: Ending): Promise<ReleasedSession> {
  const { clientId, session, fence, subscribed } = connection;
  const { willAt, sessionEndsAt } = ending;
  await keepUnreleased(ports, connection);
  const details = { willAt, sessionEndsAt, leftAt: ports.now(), ...(subscribed && { subscribed }) };
  const released = await ports.sessions.release(clientId, fence, details);
  if (released !== 'changed') return { item: released, isEnded: false };
  const item = await ports.sessions.read(clientId);
  return { item, isEnded: item?.session !== session };
}

/** The session goes on if the client has come back to it on another connection. */
async function endSession(
  ports: Ports,
  deleter: SessionDeleter,
  connection: ConnectionRecord,
): Promise<ReleasedSession> {
  const { clientId, session } = connection;
  const ended = await removeSessionItem(ports, deleter, connection);
  if (ended !== 'changed') return { item: ended, isEnded: true, isUsed: ended.outSeq > 0 };
  const item = await ports.sessions.read(clientId);
  return { item, isEnded: item?.session !== session }; // replaced, or ended by an earlier attempt
}

/**
 * Removes the item of a session that ends, and first the rows of an older session that it names. Returns `changed` if another connection
 * owns the session, or the item is gone.
 */
export async function removeSessionItem(
  ports: Ports,
  deleter: SessionDeleter,
  { clientId, fence, quota }: Pick<ConnectionRecord, 'clientId' | 'fence' | 'quota'>,
): Promise<SessionItem | 'changed'> {
  const { sessions } = ports;
  await uncountSession(ports, { clientId, ...(quota !== undefined && { quota }) }); // while a next attempt would still find the item
  const removed = await sessions.end(clientId, fence);
  if (removed !== 'changed') return removed;
  const item = await sessions.read(clientId);
  if (item?.fence !== fence || !item.deleting) return 'changed';
  await deleter.finish(clientId, item.deleting, item.former);
  return sessions.end(clientId, fence);
}

/**
 * Wakes the connection that waits for this one. It comes after everything else, the record of this connection included: the next
 * connection must find that this one has ended. If a worker dies before, the next connection waits for its takeover timeout.
 */
export async function wakeSuccessor(
  ports: Ports,
  { connectionId, fence }: Pick<ConnectionRecord, 'connectionId' | 'fence'>,
  item: SessionItem | undefined,
): Promise<void> {
  if (item?.fence !== fence || !item.successor) return;
  await ports.packets.wake(connectionOf(item.successor.fence), `after#${connectionId}`);
}

/**
 * Keeps the record of a connection that has ended until its next deadline, or removes it. It comes after everything else: until then a
 * next attempt finds what is left to do.
 */
export async function keepRecord(ports: Ports, connection: ConnectionRecord, ending: Ending): Promise<void> {
  const next = nextDeadline(ending);
  if (next === undefined) return ports.connectionStore.remove(connection.connectionId);
  await ports.connectionStore.end(connection, ending);
  await startTimer(ports, connection, next);
}
