import { sessionForever, type Will } from '../protocol/effects';
import { nextOf, startTimer } from './deadline';
import type { Dispatch } from './dispatch';
import { tellLifecycle } from './events';
import type { Arrival } from './mail';
import type { Ports } from './ports';
import type { Publisher } from './publish';
import type { ConnectionRecord, Ending } from './records';
import { leaveSeat } from './seat';
import type { SessionWiper } from './session-wiper';

/**
 * What is left to do when a connection ends at this time, milliseconds since 1970: its will, when that waits
 * [MQTT-3.1.3-9], and the end of its session. `will` is what is to be published at once: because it does not wait, or because
 * the session has ended.
 */
export async function endingOf(
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
  const head = await ports.sessions.head(clientId);
  if (head?.fence === fence) return { willAt: time + delay, ...sessionEndsAt };
  return head?.session !== connection.session && will ? { will } : {}; // replaced, or resumed in time
}

/** The connection has no owner's rights any more. What is still to come keeps its record. */
export async function endConnection(
  ports: Ports,
  wiper: SessionWiper,
  connection: ConnectionRecord,
  ending: Ending,
): Promise<void> {
  const { connectionId, clientId, fence, sessionExpiry, session, hasState, hasWill, hasSeat } = connection;
  const { willAt, sessionEndsAt } = ending;
  const [isOver] = await Promise.all([
    sessionExpiry === 0
      ? endSession(ports, connection)
      : ports.sessions.disown(clientId, fence, { willAt, sessionEndsAt }, ports.now()),
    hasWill && willAt === undefined ? ports.sessions.removeWill(clientId, connectionId) : undefined,
    hasSeat ? leaveSeat(ports, connection) : undefined,
  ]);
  if (isOver && hasState) await wiper.wipe(clientId, session); // not before, see `orphans` in dispatch.ts
  const isCancelled = willAt !== undefined && (await hasReturned(ports, connection));
  if (isCancelled) await ports.sessions.removeWill(clientId, connectionId);
  await rest(ports, connection, isCancelled ? { sessionEndsAt } : { willAt, sessionEndsAt });
}

/** Whether the session is over; it is not when the client has come back to it on another connection. */
async function endSession(ports: Ports, { clientId, session, fence }: ConnectionRecord): Promise<boolean> {
  if ((await ports.sessions.end(clientId, fence)) === 'ended') return true;
  const head = await ports.sessions.head(clientId);
  return head?.session !== session; // replaced, or ended by an earlier attempt
}

/**
 * A client that returns before its connection is disowned finds no will to cancel, so whoever disowns looks once more: one of the
 * two always sees the other [MQTT-3.1.3-9].
 */
async function hasReturned(ports: Ports, { clientId, session, fence }: ConnectionRecord): Promise<boolean> {
  const head = await ports.sessions.head(clientId);
  return head?.session === session && head.fence !== fence;
}

/**
 * The record waits for the next that is due, or goes. It comes after everything else: until then a next attempt finds what is to
 * be done.
 */
async function rest(ports: Ports, connection: ConnectionRecord, ending: Ending): Promise<void> {
  const { connectionId } = connection;
  const next = nextOf(ending);
  if (next === undefined) return ports.connectionStore.remove(connectionId);
  await ports.connectionStore.end(connection, ending);
  await startTimer(ports, connection, next);
}

/** What the end of a connection needs of a turn. */
export interface EndingTurn {
  readonly publisher: Publisher;
  readonly dispatch: Dispatch;
  readonly wiper: SessionWiper;
}

/** Does what is due for a connection that has ended: publishes its will, ends its session. */
export async function settleEnding(
  ports: Ports,
  { publisher, dispatch, wiper }: EndingTurn,
  connection: ConnectionRecord,
  ended: Ending,
): Promise<void> {
  const { clientId, connectionId, session, fence, hasWill } = connection;
  const head = await ports.sessions.head(clientId);
  const now = ports.now();
  const isMine = head?.fence === fence;
  const isOver = isMine ? (ended.sessionEndsAt ?? Number.POSITIVE_INFINITY) <= now : head?.session !== session;
  // A client that returned in time has removed its will.
  const willIsDue = isOver || !isMine || (ended.willAt ?? Number.POSITIVE_INFINITY) <= now;
  const will = willIsDue && hasWill ? await ports.sessions.will(clientId, connectionId) : undefined;
  if (will) await publishWill(ports, publisher, connection, will);
  if (will) ports.metrics.measure('WillLateness', Math.max(0, now - (ended.willAt ?? now)));
  await dispatch.sendMessages(); // while a next attempt would still find the will
  if (isMine && isOver) {
    ports.metrics.measure('SessionExpiryLateness', Math.max(0, now - (ended.sessionEndsAt ?? now)));
    await wiper.wipe(clientId, session);
    await tellLifecycle(ports, 'session expired', connection);
    await ports.sessions.end(clientId, fence);
  }
  // Of what was put until then, see `orphans` in dispatch.ts. Whoever has replaced a session clears it, and hands over first.
  if (isOver && (isMine || !head)) await ports.inflight.clear(session);
  if (hasWill && willIsDue) await ports.sessions.removeWill(clientId, connectionId);
  const isLeft = isMine && !isOver;
  const { willAt, sessionEndsAt } = ended;
  await rest(ports, connection, isLeft ? { sessionEndsAt, ...(willIsDue ? {} : { willAt }) } : {});
}

/**
 * Publishes the will of a connection that was lost [v3 MQTT-3.1.2-8]. At QoS 0 removing it is the right to publish it, so
 * it is published at most once; above, it is removed after it is safe.
 */
export async function publishWill(
  ports: Ports,
  publisher: Publisher,
  { clientId, connectionId }: ConnectionRecord,
  will: Will,
): Promise<void> {
  const expiresAt = will.expiry === undefined ? {} : { expiresAt: ports.now() + will.expiry * 1000 };
  const message = { ...will.message, ...expiresAt };
  const arrival: Arrival = { message, id: `will#${connectionId}`, replay: false, attempted: true, retained: false };
  if (message.qos > 0) return publisher.publish([arrival]);
  if (message.retain) await publisher.retain([arrival]);
  if ((await ports.sessions.removeWill(clientId, connectionId)) === 'absent') return;
  await publisher.route([arrival]);
}
