import { dueKey, dueTime, expiryOf, nextOf, secondsUntil, startTimer, sweepAhead } from './deadline';
import { inParallel } from './parallel';
import type { ConnectionRecord, Deadline, Ports } from './ports';

const parallelTimers = 25;

/** Longer than a CONNECT can be at work; until it is done, its connection is not on record. */
const longestOpening = 60_000;

/** What the timekeeper needs: no packets, no sessions. */
export type TimerPorts = Pick<Ports, 'connectionStore' | 'deadlines' | 'timers' | 'packets' | 'now' | 'log'>;

/** Hands whatever falls due until well after the next sweep to the timer queue, with the exact delay. */
export async function sweep(ports: Pick<Ports, 'deadlines' | 'timers' | 'now'>): Promise<number> {
  let found = 0;
  for await (const page of ports.deadlines.dueBefore(ports.now() + sweepAhead)) {
    found += page.length;
    await inParallel(page, parallelTimers, (deadline) =>
      ports.timers.check(deadline, secondsUntil(dueTime(deadline.due) - ports.now())),
    );
  }
  return found;
}

/**
 * A deadline has come: the connection has ended, was active meanwhile, or is lost. Any deadline may be checked twice, by
 * the sweeper and by whoever armed it.
 */
export async function checkDeadline(ports: TimerPorts, deadline: Deadline): Promise<void> {
  const { connectionId, due } = deadline;
  const connection = await ports.connectionStore.read(connectionId);
  if (!connection) return dropEnded(ports, deadline);
  if (connection.deadline !== due) return dropMoved(ports, connection, deadline);
  const expiry = connection.ended ? (nextOf(connection.ended) ?? 0) : expiryOf(connection);
  if (expiry <= ports.now()) return ports.packets.expire(connectionId);
  await moveDeadline(ports, deadline, expiry);
}

/** Whoever has not been let in by now has had its time. */
export async function closeUnlessOpen(
  ports: Pick<Ports, 'connectionStore' | 'connections' | 'log'>,
  connectionId: string,
): Promise<void> {
  const { connection, pending } = await ports.connectionStore.load(connectionId);
  if (connection) return;
  if ((await ports.connections.close(connectionId)) === 'closed') ports.log('no connect', { connectionId });
  if (pending) await ports.connectionStore.removePending(connectionId);
}

/** The connection has ended, or is only just opening: then the next sweep finds its deadline again. */
async function dropEnded(ports: TimerPorts, deadline: Deadline): Promise<void> {
  if (dueTime(deadline.due) + longestOpening < ports.now()) await ports.deadlines.remove(deadline);
}

/**
 * The new row is written before the old one is let go: a deadline too many costs a read, one too few a will. Of two checks
 * at the same moment only one moves it, so that they do not multiply.
 */
async function moveDeadline(ports: TimerPorts, from: Deadline, time: number): Promise<void> {
  const { connectionId } = from;
  const to = { connectionId, due: dueKey(time, connectionId) };
  if (to.due === from.due) return startTimer(ports, to);
  await ports.deadlines.put(to);
  if ((await ports.connectionStore.moveDeadline(connectionId, from.due, to.due)) === 'stale') return;
  await Promise.all([startTimer(ports, to), ports.deadlines.remove(from)]);
}

/**
 * The connection is due at another time. A later one: this row was left behind. An earlier one: whoever moves the deadline
 * has written this row and is about to say so.
 */
async function dropMoved(ports: TimerPorts, connection: ConnectionRecord, deadline: Deadline): Promise<void> {
  if (connection.deadline > deadline.due) await ports.deadlines.remove(deadline);
}
