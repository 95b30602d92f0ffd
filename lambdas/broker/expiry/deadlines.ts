import type { ConnectionRecord, Ending, MonitoredConnection } from '../model/connection';
import { timeOf } from '../model/fence';
import type { Ports } from '../ports/ports';

/** Milliseconds after which a connection without keep-alive is checked. API Gateway ends every connection after two hours. */
const maxConnectionDuration = (2 * 60 + 5) * 60_000;

/** Milliseconds by which a timer or a sweep may be delayed. */
export const clockTolerance = 5000;

/** Milliseconds from one sweep until the next one is certain. */
export const sweepInterval = 60_000 + clockTolerance;

/** Seconds after a sweep at which extra sweeps follow, for connections with a short keep-alive. */
export const extraSweepDelays = [20, 40];

/** Milliseconds from one sweep until the next one is certain, extra sweeps included. */
export const extraSweepInterval = 20_000 + clockTolerance;

/** Returns the next deadline of a connection, milliseconds since 1970. Packets of an open connection move it. */
export function deadlineOf(connection: MonitoredConnection): number {
  return connection.ended ? (nextDeadline(connection.ended) ?? 0) : connectionDeadline(connection);
}

/**
 * Returns the deadline of an open connection, milliseconds since 1970: one and a half keep-alive intervals after the last packet
 * [v3 MQTT-3.1.2-24], or the expiry of the credentials of its client.
 */
export function connectionDeadline(connection: Pick<ConnectionRecord, 'keepAlive' | 'lastSeen' | 'identity'>): number {
  return Math.min(keepAliveDeadline(connection), connection.identity.expiresAt ?? Number.POSITIVE_INFINITY);
}

/** Returns the time at which a connection without further packets counts as lost, milliseconds since 1970. */
export function keepAliveDeadline({ keepAlive, lastSeen }: Pick<ConnectionRecord, 'keepAlive' | 'lastSeen'>): number {
  return lastSeen + keepAliveTimeout(keepAlive);
}

function keepAliveTimeout(keepAlive: number): number {
  return keepAlive > 0 ? keepAlive * 1500 : maxConnectionDuration;
}

/**
 * Returns whether a connection needs extra sweeps. Half a keep-alive is left when the next packet is due; if that is less than the
 * interval of the sweeps, the deadline could pass between two of them.
 */
export function needsExtraSweeps({ keepAlive, ended }: MonitoredConnection): boolean {
  return !ended && keepAlive > 0 && keepAlive * 500 < sweepInterval && !needsTimer({ keepAlive });
}

/** Returns whether the keep-alive is shorter than the interval of extra sweeps, so that each timer starts the next one. */
export function needsTimer({ keepAlive }: Pick<ConnectionRecord, 'keepAlive'>): boolean {
  return keepAliveTimeout(keepAlive) < extraSweepInterval;
}

/** Returns the next deadline of a connection that has ended, milliseconds since 1970; undefined if none is left. */
export function nextDeadline({ willAt, sessionEndsAt }: Ending): number | undefined {
  if (willAt === undefined || sessionEndsAt === undefined) return willAt ?? sessionEndsAt;
  return Math.min(willAt, sessionEndsAt);
}

/**
 * Starts a timer for a connection whose deadline may precede the next sweep. The timer of a young connection starts the next one,
 * because only a sweep finds out that extra sweeps are needed.
 *
 * @param due The deadline, milliseconds since 1970.
 */
export async function startTimer(
  ports: Pick<Ports, 'timers' | 'now'>,
  { connectionId }: Pick<ConnectionRecord, 'connectionId'>,
  due: number,
): Promise<void> {
  const left = due - ports.now();
  if (left >= sweepInterval) return;
  await ports.timers.scheduleCheck({ connectionId, delaySeconds: secondsUntil(left), renews: true });
}

/** Starts the next timer of a connection whose client has sent packets, where no sweep monitors it. */
export async function renewTimer(ports: Pick<Ports, 'timers' | 'now'>, connection: ConnectionRecord): Promise<void> {
  const isYoung = ports.now() < timeOf(connection.fence) + sweepInterval;
  if (isYoung || needsTimer(connection)) await startTimer(ports, connection, connectionDeadline(connection));
}

/** Rounds milliseconds up to whole seconds, so that a timer is never early. */
export function secondsUntil(milliseconds: number): number {
  return Math.max(0, Math.ceil(milliseconds / 1000));
}
