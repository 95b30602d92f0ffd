import { inParallel, together } from '../../shared/parallel';
import type { MonitoredConnection } from '../model/connection';
import type { RequestedCheck } from '../model/subscription';
import type { Ports } from '../ports/ports';
import type { ScheduledCheck } from '../ports/queues';
import { checkDelay } from '../topic-index/check-shapes';
import {
  clockTolerance,
  deadlineOf,
  extraSweeps,
  needsExtraSweeps,
  needsTimer,
  nextExtraSweep,
  nextSweep,
  renewTimer,
  secondsUntil,
} from './deadlines';

const parallelMessages = 25;

/** What looks at all connections. */
export type SweepPorts = Pick<Ports, 'connectionList' | 'timers' | 'packets' | 'now'>;

/** What a look at all connections came to. */
export interface Found {
  readonly connections: number;
  /** Of them, those that fall due before the next look, or have. */
  readonly due: number;
}

/**
 * Looks at every connection, as the schedule does once a minute, and starts a timer for whatever falls due before the next
 * look. Where half a keep-alive is less than a minute, two more looks follow.
 */
export async function sweep(ports: SweepPorts): Promise<Found> {
  const found = { connections: 0, due: 0 };
  let close = false;
  for await (const page of ports.connectionList.all()) {
    const connections = page.filter(isConnection);
    close ||= connections.some(needsExtraSweeps);
    found.connections += connections.length;
    found.due += await lookAt(ports, connections);
    await startCheck(ports, page);
  }
  if (close) await together(extraSweeps.map((seconds) => ports.timers.scheduleSweep(seconds)));
  return found;
}

/** A look in between, at those who have to be watched closely. */
export async function extraSweep(ports: SweepPorts): Promise<void> {
  for await (const page of ports.connectionList.all())
    await lookAt(ports, page.filter(isConnection).filter(needsExtraSweeps));
}

function isConnection(entry: MonitoredConnection | RequestedCheck): entry is MonitoredConnection {
  return !('shapesRequestedAt' in entry);
}

/** A check of shapes that was requested some time ago is started, again and again until one has come to its end. */
async function startCheck(
  { timers, now }: SweepPorts,
  page: readonly (MonitoredConnection | RequestedCheck)[],
): Promise<void> {
  const isDue = page.some((entry) => !isConnection(entry) && now() - entry.shapesRequestedAt >= checkDelay);
  if (isDue) await timers.scheduleShapeCheck();
}

async function lookAt(ports: SweepPorts, page: readonly MonitoredConnection[]): Promise<number> {
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

/** How much time may be left to a connection for this look to be the one that sees to it. */
function horizonOf(connection: MonitoredConnection): number {
  if (!connection.ended && needsTimer(connection)) return -clockTolerance;
  return needsExtraSweeps(connection) ? nextExtraSweep : nextSweep;
}

/**
 * Handles a timer of a connection, which has ended, was active meanwhile, or is lost. SQS may deliver a timer twice.
 */
export async function checkConnection(
  ports: Pick<Ports, 'connectionStore' | 'timers' | 'packets' | 'now'>,
  { connectionId, renews }: Pick<ScheduledCheck, 'connectionId' | 'renews'>,
): Promise<void> {
  const connection = await ports.connectionStore.read(connectionId);
  if (!connection) return; // over, or only just opening: then the next look finds it
  if (deadlineOf(connection) <= ports.now()) return ports.packets.expire(connectionId);
  if (renews && !connection.ended) await renewTimer(ports, connection);
}

/** Closes a connection whose client has not come in by now, unless it waits for another one to end, which has a limit of its own. */
export async function closeUnlessConnected(
  ports: Pick<Ports, 'connectionStore' | 'connections' | 'log'>,
  connectionId: string,
): Promise<void> {
  const { connection, pending } = await ports.connectionStore.load(connectionId);
  if (connection || pending?.takeover) return;
  if ((await ports.connections.close(connectionId)) === 'closed') ports.log('no connect', { connectionId });
  if (pending) await ports.connectionStore.removePending(connectionId);
}
