import { Reason } from '../../protocol/reason-codes';
import type { Settings } from '../../settings';
import { keepAliveDeadline } from '../expiry/deadlines';
import type { ConnectionRecord } from '../model/connection';
import { publishLifecycleEvent } from '../observability/lifecycle-events';
import { type CloseReason, disconnectAndClose } from '../outbound/close-connection';
import type { Ports } from '../ports/ports';
import type { Publisher } from '../publishing/publisher';

import { chargeWill, keepUsage } from './account-usage';
import type { SessionDeleter } from './delete-session';
import { endingAt, publishWill, releaseSession } from './session-end';

/** Writes that a turn has gathered and not made yet. */
interface UnfinishedWork {
  /** Makes them durable. */
  finish(): Promise<void>;
  /** Makes them durable, and sends what depends on them. */
  conclude(): Promise<void>;
}

/** What the end of a connection needs of a turn. */
export interface EndingConnectionTurn {
  readonly ports: Ports;
  readonly settings: Settings;
  readonly connectionId: string;
  readonly writes: UnfinishedWork;
  readonly publisher: Publisher;
  readonly deleter: SessionDeleter;
}

/** How a connection ends. */
export interface ConnectionEnd {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly withWill: boolean;
  /** What its client is told, if it may still listen. */
  readonly reason?: CloseReason;
}

/** The connection of a session is over: its will, its session, its record. */
export async function endConnection(
  turn: EndingConnectionTurn,
  leaving: ConnectionRecord,
  departure: ConnectionEnd,
): Promise<void> {
  const { ports, settings, connectionId, writes, publisher, deleter } = turn;
  const { at, withWill, reason: closeReason } = departure;
  await writes.finish();
  const ending = await endingAt(ports, leaving, at, withWill);
  const { will } = ending;
  const { connection, isAllowed } = will
    ? await chargeWill(ports, settings, leaving, will.message.payload.length)
    : { connection: leaving, isAllowed: true };
  const lostAt = closeReason?.reason === Reason.keepAliveTimeout ? keepAliveDeadline(connection) : at;
  if (lostAt !== at) ports.metrics.measure('KeepAliveLateness', at - lostAt);
  if (will && isAllowed) await publishWill(ports, publisher, connection, will);
  if (ending.will) ports.metrics.measure('WillLateness', Math.max(0, ports.now() - lostAt));
  await writes.conclude();
  // While the record still tells a next attempt to do so.
  await (closeReason
    ? disconnectAndClose(ports, connectionId, { ...closeReason, client: connection })
    : ports.connections.close(connectionId));
  const reason = closeReason?.reason ?? (withWill ? 'lost' : 'left');
  await publishLifecycleEvent(ports, connection, { type: 'disconnected', detail: { reason, withWill } });
  await keepUsage(ports, settings, connection);
  await releaseSession(ports, deleter, connection, ending);
  const { clientId } = connection;
  ports.metrics.count('ConnectionsClosed');
  ports.log('disconnected', { connectionId, clientId, withWill, ...(closeReason && { reason: closeReason.reason }) });
}
