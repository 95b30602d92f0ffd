import type { ConnectionRecord, Ending, MonitoredConnection } from '../model/connection';
import { timeOf } from '../model/fence';
import type { Ports } from '../ports/ports';

/** API Gateway ends every connection after two hours; a little later a connection without keep-alive is looked at. */
const longestConnection = (2 * 60 + 5) * 60_000;

/** Milliseconds that a timer, or a look at all connections, may come late. */
export const clockTolerance = 5000;

/** Milliseconds from one run of the schedule until the next has certainly looked. */
export const nextSweep = 60_000 + clockTolerance;

/** Seconds after a run at which it is looked again, when somebody has to be watched closely. */
export const extraSweeps = [20, 40];

/** Milliseconds from one look until the next is certain, when somebody has to be watched closely. */
export const nextExtraSweep = 20_000 + clockTolerance;

/** When something is to be done for a connection unless it says something before, milliseconds since 1970. */
export function deadlineOf(connection: MonitoredConnection): number {
  return connection.ended ? (nextDeadline(connection.ended) ?? 0) : connectionDeadline(connection);
}

/**
 * When an open connection is over unless something happens: it counts as lost after one and a half keep-alive intervals
 * [v3 MQTT-3.1.2-24], and it may not outlast what its client has proved.
 */
export function connectionDeadline(connection: Pick<ConnectionRecord, 'keepAlive' | 'lastSeen' | 'identity'>): number {
  return Math.min(keepAliveDeadline(connection), connection.identity.expiresAt ?? Number.POSITIVE_INFINITY);
}

/** When a connection counts as lost unless it says something. */
export function keepAliveDeadline({ keepAlive, lastSeen }: Pick<ConnectionRecord, 'keepAlive' | 'lastSeen'>): number {
  return lastSeen + keepAliveTimeout(keepAlive);
}

function keepAliveTimeout(keepAlive: number): number {
  return keepAlive > 0 ? keepAlive * 1500 : longestConnection;
}

/**
 * Whether a client that speaks in time could still be lost between two runs of the schedule: half a keep-alive is all that
 * is left when it should have spoken.
 */
export function needsExtraSweeps({ keepAlive, ended }: MonitoredConnection): boolean {
  return !ended && keepAlive > 0 && keepAlive * 500 < nextSweep && !needsTimer({ keepAlive });
}

/** Its keep-alive runs out sooner than anybody looks at all connections, so one timer starts the next. */
export function needsTimer({ keepAlive }: Pick<ConnectionRecord, 'keepAlive'>): boolean {
  return keepAliveTimeout(keepAlive) < nextExtraSweep;
}

/** When something is to be done for a connection that has ended; never, when nothing is left. */
export function nextDeadline({ willAt, sessionEndsAt }: Ending): number | undefined {
  if (willAt === undefined || sessionEndsAt === undefined) return willAt ?? sessionEndsAt;
  return Math.min(willAt, sessionEndsAt);
}

/**
 * Starts a timer for a connection whose time may come before the schedule has looked at it. Its timer starts the next one as
 * long as it is young, for only a run of the schedule finds out that somebody has to be watched closely.
 */
export async function startTimer(
  ports: Pick<Ports, 'timers' | 'now'>,
  { connectionId }: Pick<ConnectionRecord, 'connectionId'>,
  due: number,
): Promise<void> {
  const left = due - ports.now();
  if (left < nextSweep) {
    await ports.timers.scheduleCheck({ connectionId, delaySeconds: secondsUntil(left), renews: true });
  }
}

/** A timer came, and the client had spoken: starts the next one where it is timers that watch. */
export async function renewTimer(ports: Pick<Ports, 'timers' | 'now'>, connection: ConnectionRecord): Promise<void> {
  const isYoung = ports.now() < timeOf(connection.fence) + nextSweep;
  if (isYoung || needsTimer(connection)) await startTimer(ports, connection, connectionDeadline(connection));
}

/** Whole seconds, never early. */
export function secondsUntil(milliseconds: number): number {
  return Math.max(0, Math.ceil(milliseconds / 1000));
}
