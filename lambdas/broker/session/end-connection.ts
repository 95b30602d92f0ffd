import { Reason } from '../../protocol/reason-codes';
import type { Settings } from '../../settings';
import { silentUntil } from '../expiry/deadlines';
import type { ConnectionRecord } from '../model/connection';
import { tellLifecycle } from '../observability/lifecycle-events';
import { close, type Farewell } from '../outbound/close-connection';
import type { Ports } from '../ports/ports';
import type { Publisher } from '../publishing/publisher';

import { keepUsage, spendOnWill } from './account-usage';
import type { SessionWiper } from './delete-session';
import { endConnection, endingOf, publishWill } from './session-end';

/** Writes that a turn has gathered and not made yet. */
interface UnfinishedWork {
  /** Makes them durable. */
  finish(): Promise<void>;
  /** Makes them durable, and sends what depends on them. */
  conclude(): Promise<void>;
}

/** What the end of a connection needs of a turn. */
export interface LeavingTurn {
  readonly ports: Ports;
  readonly settings: Settings;
  readonly connectionId: string;
  readonly work: UnfinishedWork;
  readonly publisher: Publisher;
  readonly wiper: SessionWiper;
}

/** How a connection ends. */
export interface Departure {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly withWill: boolean;
  /** What its client is told, if it may still listen. */
  readonly farewell?: Farewell;
}

/** The connection of a session is over: its will, its session, its record. */
export async function depart(turn: LeavingTurn, leaving: ConnectionRecord, departure: Departure): Promise<void> {
  const { ports, settings, connectionId, work, publisher, wiper } = turn;
  const { at, withWill, farewell } = departure;
  await work.finish();
  const ending = await endingOf(ports, leaving, at, withWill);
  const { will } = ending;
  const { connection, isAllowed } = will
    ? await spendOnWill(ports, settings, leaving, will.message.payload.length)
    : { connection: leaving, isAllowed: true };
  const lostAt = farewell?.reason === Reason.keepAliveTimeout ? silentUntil(connection) : at;
  if (lostAt !== at) ports.metrics.measure('KeepAliveLateness', at - lostAt);
  if (will && isAllowed) await publishWill(ports, publisher, connection, will);
  if (ending.will) ports.metrics.measure('WillLateness', Math.max(0, ports.now() - lostAt));
  await work.conclude();
  // While the record still tells a next attempt to do so.
  await (farewell ? close(ports, connectionId, connection, farewell) : ports.connections.close(connectionId));
  const reason = farewell?.reason ?? (withWill ? 'lost' : 'left');
  await tellLifecycle(ports, 'disconnected', connection, { reason, withWill });
  await keepUsage(ports, settings, connection);
  await endConnection(ports, wiper, connection, ending);
  const { clientId } = connection;
  ports.metrics.count('ConnectionsClosed');
  ports.log('disconnected', { connectionId, clientId, withWill, ...(farewell && { reason: farewell.reason }) });
}
