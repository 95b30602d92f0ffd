import { inParallel, together } from '../../shared/parallel';
import type { MonitoredConnection } from '../model/connection';
import type { RequestedCheck } from '../model/subscription';
import type { Ports } from '../ports/ports';
import type { ScheduledCheck } from '../ports/queues';
import { checkDelay } from '../topic-index/check-shapes';
import {
  clockTolerance,
  deadlineOf,
  extraSweepDelays,
  extraSweepInterval,
  needsExtraSweeps,
  needsTimer,
  renewTimer,
  secondsUntil,
  sweepInterval,
} from './deadlines';

const parallelMessages = 25;

/** The ports of a sweep. */
export type SweepPorts = Pick<Ports, 'connectionList' | 'timers' | 'packets' | 'now'>;

/** Counts of a sweep. */
export interface SweepResult {
  readonly connections: number;
  /** Connections whose deadline precedes the next sweep, or has passed. */
  readonly due: number;
}

/**
 * Checks the deadline of every connection and starts a timer for each that precedes the next sweep. The schedule calls it once a minute.
 * Two extra sweeps follow where half a keep-alive is less than a minute.
 */
export async function sweep(ports: SweepPorts): Promise<SweepResult> {
  const result = { connections: 0, due: 0 };
  let hasShortKeepAlive = false;
  for await (const page of ports.connectionList.all()) {
    const connections = page.filter(isConnection);
    hasShortKeepAlive ||= connections.some(needsExtraSweeps);
    result.connections += connections.length;
    result.due += await scheduleChecks(ports, connections);
    await startShapeCheck(ports, page);
  }
  if (hasShortKeepAlive) await together(extraSweepDelays.map((seconds) => ports.timers.scheduleSweep(seconds)));
  return result;
}

/** Checks the connections with a short keep-alive between two sweeps. */
export async function extraSweep(ports: SweepPorts): Promise<void> {
  for await (const page of ports.connectionList.all()) {
    await scheduleChecks(ports, page.filter(isConnection).filter(needsExtraSweeps));
  }
}

function isConnection(entry: MonitoredConnection | RequestedCheck): entry is MonitoredConnection {
  return !('shapesRequestedAt' in entry);
}

/** Starts a shape check that was requested some time ago. Each sweep starts it again until one has completed. */
async function startShapeCheck(
  { timers, now }: SweepPorts,
  page: readonly (MonitoredConnection | RequestedCheck)[],
): Promise<void> {
  const isDue = page.some((entry) => !isConnection(entry) && now() - entry.shapesRequestedAt >= checkDelay);
  if (isDue) await timers.scheduleShapeCheck();
}

/** Returns the number of connections that are due. */
async function scheduleChecks(ports: SweepPorts, page: readonly MonitoredConnection[]): Promise<number> {
  const now = ports.now();
  const due = page.filter((connection) => deadlineOf(connection) - now < horizonOf(connection));
  await inParallel(due, parallelMessages, (connection) => {
    const { connectionId } = connection;
    const left = deadlineOf(connection) - now;
    const isMissed = left <= -clockTolerance; // its timer was lost
    return isMissed
      ? ports.packets.expire(connectionId)
      : ports.timers.scheduleCheck({ connectionId, delaySeconds: secondsUntil(left), renews: false });
  });
  return due.length;
}

/** Returns the milliseconds before a deadline within which this sweep has to start the timer. */
function horizonOf(connection: MonitoredConnection): number {
  if (!connection.ended && needsTimer(connection)) return -clockTolerance;
  return needsExtraSweeps(connection) ? extraSweepInterval : sweepInterval;
}

/**
 * Handles a timer of a connection, which has ended, was active meanwhile, or is lost. SQS may deliver a timer twice.
 */
export async function checkConnection(
  ports: Pick<Ports, 'connectionStore' | 'timers' | 'packets' | 'now'>,
  { connectionId, renews }: Pick<ScheduledCheck, 'connectionId' | 'renews'>,
): Promise<void> {
  const connection = await ports.connectionStore.read(connectionId);
  if (!connection) return; // ended, or not stored yet: then the next sweep finds it
  if (deadlineOf(connection) <= ports.now()) return ports.packets.expire(connectionId);
  if (renews && !connection.ended) await renewTimer(ports, connection);
}

/** Closes a connection whose client has not connected in time, unless it waits for another one to end, which has its own timeout. */
export async function closeUnlessConnected(
  ports: Pick<Ports, 'connectionStore' | 'connections' | 'log'>,
  connectionId: string,
): Promise<void> {
  const { connection, pending } = await ports.connectionStore.load(connectionId);
  if (connection || pending?.takeover) return;
  if ((await ports.connections.close(connectionId)) === 'closed') ports.log('connect timeout', { connectionId });
  if (pending) await ports.connectionStore.removePending(connectionId);
}
