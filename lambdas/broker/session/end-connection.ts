import { sessionForever, type Will } from '../../protocol/effects';
import { Reason } from '../../protocol/reason-codes';
import type { Settings } from '../../settings';
import { keepAliveDeadline } from '../expiry/deadlines';
import type { ConnectionRecord, Ending } from '../model/connection';
import { publishLifecycleEvent } from '../observability/lifecycle-events';
import { type CloseReason, disconnectAndClose } from '../outbound/close-connection';
import type { Dispatch } from '../outbound/dispatch';
import type { Ports } from '../ports/ports';
import type { Publisher } from '../publishing/publisher';
import { chargeWill, keepUsage } from './account-usage';
import type { SessionDeleter } from './delete-session';
import { releaseSession } from './release-session';
import { publishWill } from './will';

/** Writes that a turn has gathered and not made yet. */
interface GatheredWrites {
  /** Makes them durable. */
  flush(): Promise<void>;
  /** Makes them durable, sends the messages among them, and removes the held messages that were sent. */
  forgetRouted(): Promise<void>;
}

/** Collaborators of a turn whose connection ends. */
export interface EndingConnectionTurn {
  readonly ports: Ports;
  readonly settings: Settings;
  readonly connectionId: string;
  readonly writes: GatheredWrites;
  readonly dispatch: Dispatch;
  readonly publisher: Publisher;
  readonly deleter: SessionDeleter;
}

/** The end of a connection. */
export interface ConnectionEnd {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly withWill: boolean;
  /** Sent to the client, if it may still listen. */
  readonly reason?: CloseReason | undefined;
}

/** Ends a connection of a connected client: publishes its will, closes the socket, releases the session. */
export async function endConnection(
  turn: EndingConnectionTurn,
  ended: ConnectionRecord,
  end: ConnectionEnd,
): Promise<void> {
  const { ports, settings, connectionId, writes, dispatch, deleter } = turn;
  await writes.flush();
  const { will, ...ending } = await endingAt(ports, ended, end);
  const connection = await publishOwnWill(turn, { connection: ended, will }, end);
  await writes.forgetRouted();
  await dispatch.send();
  // Close while the record still tells a next attempt to do so.
  await (end.reason
    ? disconnectAndClose(ports, connectionId, { ...end.reason, client: connection })
    : ports.connections.close(connectionId));
  const { withWill } = end;
  const reason = end.reason?.reason ?? (withWill ? 'lost' : 'left');
  await publishLifecycleEvent(ports, connection, { type: 'disconnected', detail: { reason, withWill } });
  await keepUsage(ports, settings, connection);
  await releaseSession(ports, deleter, { connection, ending });
  const { clientId } = connection;
  ports.metrics.count('ConnectionsClosed');
  ports.log('disconnected', { connectionId, clientId, withWill, ...(end.reason && { reason: end.reason.reason }) });
}

/** Publishes a will that does not wait, if the publish rate of the client allows. Returns the connection, charged for it. */
async function publishOwnWill(
  { ports, settings, publisher }: EndingConnectionTurn,
  { connection, will }: { readonly connection: ConnectionRecord; readonly will: Will | undefined },
  { at, reason }: ConnectionEnd,
): Promise<ConnectionRecord> {
  const lostAt = reason?.reason === Reason.keepAliveTimeout ? keepAliveDeadline(connection) : at;
  if (lostAt !== at) ports.metrics.measure('KeepAliveLateness', at - lostAt);
  if (!will) return connection;
  const charged = await chargeWill(ports, settings, { connection, bytes: will.message.payload.length });
  if (charged.isAllowed) await publishWill(ports, publisher, { ...charged.connection, will });
  ports.metrics.measure('WillLateness', Math.max(0, ports.now() - lostAt));
  return charged.connection;
}

/**
 * Returns what is left to do when a connection ends at this time, milliseconds since 1970: its will, if that is delayed
 * [MQTT-3.1.3-9], and the end of its session. `will` is to be published at once: because it has no delay, or because the session has
 * ended, also because its client waits to start a new one.
 */
async function endingAt(
  ports: Ports,
  connection: ConnectionRecord,
  { at, withWill }: ConnectionEnd,
): Promise<Ending & { readonly will?: Will }> {
  const { clientId, connectionId, sessionExpiry, fence } = connection;
  const will = withWill && connection.hasWill ? await ports.sessions.will(clientId, connectionId) : undefined;
  const delay = Math.min(will?.delay ?? 0, sessionExpiry) * 1000;
  const isLimited = sessionExpiry > 0 && sessionExpiry !== sessionForever;
  const sessionEndsAt = isLimited ? { sessionEndsAt: at + sessionExpiry * 1000 } : {};
  if (delay === 0) return { ...(will && { will }), ...sessionEndsAt };
  const item = await ports.sessions.read(clientId);
  if (item?.fence === fence && item.successor?.cleanStart) return { ...(will && { will }), ...sessionEndsAt };
  if (item?.fence === fence) return { willAt: at + delay, ...sessionEndsAt };
  return item?.session !== connection.session && will ? { will } : {}; // replaced, or resumed in time
}
