import type { ConnectionRecord, Deadline, Ending, Ports } from './ports';

/** API Gateway ends every connection after two hours; a little later a connection without keep-alive is looked at. */
const longestConnection = (2 * 60 + 5) * 60_000;

/** The sweeper runs once a minute, and a little late now and then. */
const sweepEvery = 65_000;
/** It looks further ahead than to its next run, so that nothing falls between two of them. */
export const sweepAhead = 75_000;

/**
 * When a connection is over unless something happens: it counts as lost after one and a half keep-alive intervals
 * [v3 MQTT-3.1.2-24], and it may not outlast what its client has proved.
 */
export function expiryOf(connection: Pick<ConnectionRecord, 'keepAlive' | 'lastSeen' | 'identity'>): number {
  return Math.min(silentUntil(connection), connection.identity.expiresAt ?? Number.POSITIVE_INFINITY);
}

/** When a connection counts as lost unless it says something. */
export function silentUntil({ keepAlive, lastSeen }: Pick<ConnectionRecord, 'keepAlive' | 'lastSeen'>): number {
  return lastSeen + (keepAlive > 0 ? keepAlive * 1500 : longestConnection);
}

/** When something is to be done for a connection that has ended; never, when nothing is left. */
export function nextOf({ willAt, sessionEndsAt }: Ending): number | undefined {
  if (willAt === undefined || sessionEndsAt === undefined) return willAt ?? sessionEndsAt;
  return Math.min(willAt, sessionEndsAt);
}

/** Sort key of a deadline: its time in a form that sorts, then whom it concerns. */
export function dueKey(time: number, connectionId: string): string {
  return `${String(time).padStart(15, '0')}#${connectionId}`;
}

/** The time in a sort key. */
export function dueTime(due: string): number {
  return Number(due.slice(0, 15));
}

/** Writes a deadline and sees to it that it is checked in time. */
export async function armDeadline(
  ports: Pick<Ports, 'deadlines' | 'timers' | 'now'>,
  deadline: Deadline,
): Promise<void> {
  await Promise.all([ports.deadlines.put(deadline), startTimer(ports, deadline)]);
}

/** A connection may have to be looked at sooner than was thought; a later look finds its new time by itself. */
export async function advanceDeadline(
  ports: Pick<Ports, 'connectionStore' | 'deadlines' | 'timers' | 'now'>,
  connection: ConnectionRecord,
): Promise<ConnectionRecord> {
  const { connectionId, deadline } = connection;
  const due = dueKey(expiryOf(connection), connectionId);
  if (due >= deadline) return connection;
  await armDeadline(ports, { due, connectionId });
  if ((await ports.connectionStore.moveDeadline(connectionId, deadline, due)) === 'stale') return connection;
  await ports.deadlines.remove({ due: deadline, connectionId });
  return { ...connection, deadline: due };
}

/** Puts a deadline on the timer queue when it falls due before the sweeper is sure to see it. */
export async function startTimer(ports: Pick<Ports, 'timers' | 'now'>, deadline: Deadline): Promise<void> {
  const left = dueTime(deadline.due) - ports.now();
  if (left < sweepEvery) await ports.timers.check(deadline, secondsUntil(left));
}

/** Whole seconds, never early. */
export function secondsUntil(milliseconds: number): number {
  return Math.max(0, Math.ceil(milliseconds / 1000));
}
