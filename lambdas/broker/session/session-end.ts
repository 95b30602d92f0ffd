import { accountOf } from '../../access/identity';
import { sessionForever, type Will } from '../../protocol/effects';
import { together } from '../../shared/parallel';
import { nextDeadline, startTimer } from '../expiry/deadlines';
import type { ConnectionRecord, Ending } from '../model/connection';
import type { IncomingMessage } from '../model/delivery';
import { connectionOf } from '../model/fence';
import type { SessionItem } from '../model/session';
import { logDenials } from '../observability/denied-log';
import { publishLifecycleEvent } from '../observability/lifecycle-events';
import type { Dispatch } from '../outbound/dispatch';
import type { Ports } from '../ports/ports';
import type { Publisher } from '../publishing/publisher';
import { keepUnreleased } from '../publishing/unreleased-packet-ids';
import { releaseConnection } from './connection-limit';
import type { SessionDeleter } from './delete-session';
import { uncountSession } from './session-limit';

/**
 * What is left to do when a connection ends at this time, milliseconds since 1970: its will, when that waits
 * [MQTT-3.1.3-9], and the end of its session. `will` is what is to be published at once: because it does not wait, or because
 * the session has ended, also because its client waits to start a new one.
 */
export async function endingAt(
  ports: Ports,
  connection: ConnectionRecord,
  time: number,
  withWill: boolean,
): Promise<Ending & { readonly will?: Will }> {
  const { clientId, connectionId, sessionExpiry, fence } = connection;
  const will = withWill && connection.hasWill ? await ports.sessions.will(clientId, connectionId) : undefined;
  const delay = Math.min(will?.delay ?? 0, sessionExpiry) * 1000;
  const lasts = sessionExpiry > 0 && sessionExpiry !== sessionForever;
  const sessionEndsAt = lasts ? { sessionEndsAt: time + sessionExpiry * 1000 } : {};
  if (delay === 0) return { ...(will && { will }), ...sessionEndsAt };
  const head = await ports.sessions.read(clientId);
  if (head?.fence === fence && head.successor?.cleanStart) return { ...(will && { will }), ...sessionEndsAt };
  if (head?.fence === fence) return { willAt: time + delay, ...sessionEndsAt };
  return head?.session !== connection.session && will ? { will } : {}; // replaced, or resumed in time
}

/** The connection has no owner's rights any more. What is still to come keeps its record. */
export async function releaseSession(
  ports: Ports,
  deleter: SessionDeleter,
  connection: ConnectionRecord,
  ending: Ending,
): Promise<void> {
  const { connectionId, clientId, fence, sessionExpiry, session, hasState, hasWill, isCounted } = connection;
  const { willAt, sessionEndsAt } = ending;
  const [{ head, isOver, isUsed = false }] = await together([
    sessionExpiry === 0 ? endSession(ports, deleter, connection) : leaveSession(ports, connection, ending),
    hasWill && willAt === undefined ? ports.sessions.removeWill(clientId, connectionId) : undefined,
    isCounted ? releaseConnection(ports, connection) : undefined,
  ]);
  if (isOver && (hasState || isUsed)) await deleter.delete(clientId, session); // not before, see `orphans` in dispatch.ts
  const hasReturned = willAt !== undefined && head?.session === session && head.fence !== fence; // [MQTT-3.1.3-9]
  if (hasReturned) await ports.sessions.removeWill(clientId, connectionId);
  const isLeft = !isOver && head?.fence === fence; // perhaps by an earlier attempt, at another time
  const left = isLeft ? { willAt: head.willAt, sessionEndsAt: head.expiresAt } : { willAt, sessionEndsAt };
  await rest(ports, connection, hasReturned ? { sessionEndsAt } : left);
  await wakeSuccessor(ports, connection, head);
}

/** The head of the session after its owner has left it, or as its owner removed it. */
interface Left {
  readonly head: SessionItem | undefined;
  readonly isOver: boolean;
  /** Something was put into its ring, whether its client has subscribed to it or not. */
  readonly isUsed?: boolean;
}

/** The session is over all the same when an earlier attempt has ended it, with a shorter expiry for one, or somebody has replaced it. */
async function leaveSession(ports: Ports, connection: ConnectionRecord, ending: Ending): Promise<Left> {
  const { clientId, session, fence, subscribed } = connection;
  const { willAt, sessionEndsAt } = ending;
  await keepUnreleased(ports, connection);
  const details = { willAt, sessionEndsAt, leftAt: ports.now(), ...(subscribed && { subscribed }) };
  const disowned = await ports.sessions.release(clientId, fence, details);
  if (disowned !== 'changed') return { head: disowned, isOver: false };
  const head = await ports.sessions.read(clientId);
  return { head, isOver: head?.session !== session };
}

/** The session is not over when the client has come back to it on another connection. */
async function endSession(ports: Ports, deleter: SessionDeleter, connection: ConnectionRecord): Promise<Left> {
  const { clientId, session } = connection;
  const ended = await removeSessionItem(ports, deleter, connection);
  if (ended !== 'changed') return { head: ended, isOver: true, isUsed: ended.outSeq > 0 };
  const head = await ports.sessions.read(clientId);
  return { head, isOver: head?.session !== session }; // replaced, or ended by an earlier attempt
}

/**
 * Removes the head of a session that ends, and what it names of an older one before. `changed` when another connection has it, or it is
 * gone.
 */
export async function removeSessionItem(
  ports: Ports,
  deleter: SessionDeleter,
  { clientId, fence, quota }: Pick<ConnectionRecord, 'clientId' | 'fence' | 'quota'>,
): Promise<SessionItem | 'changed'> {
  const { sessions } = ports;
  await uncountSession(ports, { clientId, ...(quota !== undefined && { quota }) }); // while a next attempt would still find the head
  const removed = await sessions.end(clientId, fence);
  if (removed !== 'changed') return removed;
  const head = await sessions.read(clientId);
  if (head?.fence !== fence || !head.deleting) return 'changed';
  await deleter.finish(clientId, head.deleting, head.former);
  return sessions.end(clientId, fence);
}

/**
 * Lets the connection go on that waits for this one. It comes after everything else, the record of this connection included:
 * whatever the next one does finds this one ended. A worker that dies before leaves the other to its takeover timeout.
 */
export async function wakeSuccessor(
  ports: Ports,
  { connectionId, fence }: Pick<ConnectionRecord, 'connectionId' | 'fence'>,
  head: SessionItem | undefined,
): Promise<void> {
  if (head?.fence !== fence || !head.successor) return;
  await ports.packets.wake(connectionOf(head.successor.fence), `after#${connectionId}`);
}

/**
 * The record waits for the next that is due, or goes. It comes after everything else: until then a next attempt finds what is to
 * be done.
 */
async function rest(ports: Ports, connection: ConnectionRecord, ending: Ending): Promise<void> {
  const { connectionId } = connection;
  const next = nextDeadline(ending);
  if (next === undefined) return ports.connectionStore.remove(connectionId);
  await ports.connectionStore.end(connection, ending);
  await startTimer(ports, connection, next);
}

/** What the end of a connection needs of a turn. */
export interface EndingTurn {
  readonly publisher: Publisher;
  readonly dispatch: Dispatch;
  readonly deleter: SessionDeleter;
}

/** Does what is due for a connection that has ended: publishes its will, ends its session. */
export async function completeEnding(
  ports: Ports,
  { publisher, dispatch, deleter }: EndingTurn,
  connection: ConnectionRecord,
  ended: Ending,
): Promise<void> {
  const { clientId, connectionId, session, fence, hasWill } = connection;
  const head = await ports.sessions.read(clientId);
  const now = ports.now();
  const isMine = head?.fence === fence;
  const isReplaced = isMine && head.successor?.cleanStart === true;
  const isOver = isMine
    ? isReplaced || (ended.sessionEndsAt ?? Number.POSITIVE_INFINITY) <= now
    : head?.session !== session;
  // A client that returned in time has removed its will.
  const willIsDue = isOver || !isMine || (ended.willAt ?? Number.POSITIVE_INFINITY) <= now;
  const will = willIsDue && hasWill ? await ports.sessions.will(clientId, connectionId) : undefined;
  if (will) await publishWill(ports, publisher, connection, will);
  if (will) ports.metrics.measure('WillLateness', Math.max(0, now - (ended.willAt ?? now)));
  await dispatch.sendMessages(); // while a next attempt would still find the will
  let removed: SessionItem | 'changed' = 'changed';
  let wiped: 'wiped' | 'continues' = 'wiped';
  if (isMine && isOver) {
    ports.metrics.measure('SessionExpiryLateness', Math.max(0, now - (ended.sessionEndsAt ?? now)));
    wiped = await deleter.delete(clientId, session);
    await publishLifecycleEvent(ports, connection, { type: 'session expired' });
    removed = await removeSessionItem(ports, deleter, head);
  }
  // Of what was put until then, see `orphans` in dispatch.ts. Whoever has replaced a session clears it, and hands over first.
  if (isOver && (isMine || !head) && wiped === 'wiped') await ports.inflight.clear(session);
  if (hasWill && willIsDue) await ports.sessions.removeWill(clientId, connectionId);
  const isLeft = isMine && !isOver;
  if (isLeft && willIsDue && head.willAt !== undefined) await ports.sessions.clearWillDeadline(clientId, fence);
  const { willAt, sessionEndsAt } = ended;
  await rest(ports, connection, isLeft ? { sessionEndsAt, ...(willIsDue ? {} : { willAt }) } : {});
  await wakeSuccessor(ports, connection, removed === 'changed' ? head : removed); // it may have come since
}

/**
 * Publishes the will of a connection that was lost [v3 MQTT-3.1.2-8], if its client may still publish it: CONNECT was long ago, and
 * the account may be gone. At QoS 0 removing it is the right to publish it, so it is published at most once; above, it is removed
 * after it is safe.
 */
export async function publishWill(
  ports: Ports,
  publisher: Publisher,
  party: Pick<ConnectionRecord, 'clientId' | 'connectionId' | 'identity'>,
  will: Will,
): Promise<void> {
  const { clientId, connectionId, identity } = party;
  const { topic, qos, retain } = will.message;
  const permissions = await ports.access.currentPermissions(identity, clientId);
  if (permissions === 'revoked' || !permissions.mayPublish(topic, qos, retain)) {
    return logDenials(ports, party, [{ do: 'deny', action: 'publish', topic }]);
  }
  const expiresAt = will.expiry === undefined ? {} : { expiresAt: ports.now() + will.expiry * 1000 };
  const message = { ...will.message, ...expiresAt };
  const flags = { replay: false, attempted: true, retained: false };
  const arrival: IncomingMessage = { message, id: `will#${connectionId}`, ...flags, account: accountOf(identity) };
  if (message.qos > 0) return publisher.publish([arrival]);
  if (message.retain) await publisher.retain([arrival]);
  if ((await ports.sessions.removeWill(clientId, connectionId)) === 'absent') return;
  await publisher.route([arrival]);
}
