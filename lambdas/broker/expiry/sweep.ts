import { inParallel, together } from '../../shared/parallel';
import type { Watched } from '../model/connection';
import type { RequestedCheck } from '../model/subscription';
import type { Ports } from '../ports/ports';
import { checkDelay } from '../topic-index/check-shapes';
import {
  closeLooks,
  dueOf,
  isWatchedByTimer,
  keepWatching,
  late,
  needsCloseLooks,
  nextCloseLook,
  nextRun,
  secondsUntil,
} from './deadlines';

const parallelMessages = 25;

/** What looks at all connections. */
export type LookingPorts = Pick<Ports, 'roster' | 'timers' | 'packets' | 'now'>;

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
export async function sweep(ports: LookingPorts): Promise<Found> {
  const found = { connections: 0, due: 0 };
  let close = false;
  for await (const page of ports.roster.all()) {
    const connections = page.filter(isConnection);
    close ||= connections.some(needsCloseLooks);
    found.connections += connections.length;
    found.due += await lookAt(ports, connections);
    await startCheck(ports, page);
  }
  if (close) await together(closeLooks.map((seconds) => ports.timers.look(seconds)));
  return found;
}

/** A look in between, at those who have to be watched closely. */
export async function lookClosely(ports: LookingPorts): Promise<void> {
  for await (const page of ports.roster.all()) await lookAt(ports, page.filter(isConnection).filter(needsCloseLooks));
}

function isConnection(entry: Watched | RequestedCheck): entry is Watched {
  return !('shapesRequestedAt' in entry);
}

/** A check of shapes that was requested some time ago is started, again and again until one has come to its end. */
async function startCheck({ timers, now }: LookingPorts, page: readonly (Watched | RequestedCheck)[]): Promise<void> {
  const isDue = page.some((entry) => !isConnection(entry) && now() - entry.shapesRequestedAt >= checkDelay);
  if (isDue) await timers.checkShapes();
}

async function lookAt(ports: LookingPorts, page: readonly Watched[]): Promise<number> {
  const now = ports.now();
  const due = page.filter((connection) => dueOf(connection) - now < horizonOf(connection));
  await inParallel(due, parallelMessages, (connection) => {
    const { connectionId } = connection;
    const left = dueOf(connection) - now;
    const isMissed = left <= -late; // its timer was lost
    return isMissed ? ports.packets.expire(connectionId) : ports.timers.check(connectionId, secondsUntil(left), false);
  });
  return due.length;
}

/** How much time may be left to a connection for this look to be the one that sees to it. */
function horizonOf(connection: Watched): number {
  if (!connection.ended && isWatchedByTimer(connection)) return -late;
  return needsCloseLooks(connection) ? nextCloseLook : nextRun;
}

/**
 * A timer has come: the connection has ended, was active meanwhile, or is lost. It may come twice, and for nothing. `again`:
 * it is one of those that start each other.
 */
export async function checkConnection(
  ports: Pick<Ports, 'connectionStore' | 'timers' | 'packets' | 'now'>,
  connectionId: string,
  again: boolean,
): Promise<void> {
  const connection = await ports.connectionStore.read(connectionId);
  if (!connection) return; // over, or only just opening: then the next look finds it
  if (dueOf(connection) <= ports.now()) return ports.packets.expire(connectionId);
  if (again && !connection.ended) await keepWatching(ports, connection);
}

/** Closes a connection whose client has not come in by now, unless it waits for another one to end, which has a limit of its own. */
export async function closeUnlessOpen(
  ports: Pick<Ports, 'connectionStore' | 'connections' | 'log'>,
  connectionId: string,
): Promise<void> {
  const { connection, pending } = await ports.connectionStore.load(connectionId);
  if (connection || pending?.takeover) return;
  if ((await ports.connections.close(connectionId)) === 'closed') ports.log('no connect', { connectionId });
  if (pending) await ports.connectionStore.removePending(connectionId);
}
