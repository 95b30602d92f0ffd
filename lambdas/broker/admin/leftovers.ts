import { inParallel, together } from '../../shared/parallel';
import { isSessionExpired, leftoverDelay, removeExpiredSession } from '../expiry/expired-session';
import { timeOf } from '../model/fence';
import type { SessionItem } from '../model/session';
import type { StoredRow, StoredRows } from '../ports/directories';
import type { Ports } from '../ports/ports';

/** Rows removed, and sessions ended, at the same time. */
const parallelRows = 25;

/** Milliseconds from its begin until a session can have rows that nobody owns: its first event is worked off by then, or given up. */
const oldEnough = 3_600_000;

/** Milliseconds that one run may read and remove. */
const longestRun = 30_000;

/** What a run needs of the broker. */
export interface LeftoverPorts
  extends Pick<Ports, 'topicIndex' | 'shapeChecks' | 'packets' | 'metrics' | 'log' | 'now'> {
  readonly rows: StoredRows;
}

/** What a run has found that nobody owned. */
interface Found {
  /** Sessions past their end, or owned by connections that are on no record; they are removed in the streams of their connections. */
  readonly sessions: number;
  readonly wills: number;
  readonly subscriptions: number;
  readonly subscribers: number;
  readonly messages: number;
}

/** What exists and owns rows. */
interface Owners {
  readonly connections: ReadonlySet<string>;
  readonly sessions: ReadonlySet<string>;
}

/** One minute of the day in which leftovers are looked for: a look reads whole tables. */
const minuteOfDay = 3 * 60 + 17;

/** Whether this is that minute, UTC. `now` in milliseconds since 1970. */
export function isTimeForLeftovers(now: number): boolean {
  return Math.floor(now / 60_000) % (24 * 60) === minuteOfDay;
}

/**
 * Removes what neither the end of a session nor whoever met it has removed. What owns rows is read first, and rows of what has begun
 * lately are left alone, so nothing is removed that a session has just written.
 */
export async function removeLeftovers(ports: LeftoverPorts): Promise<void> {
  const end = ports.now() + longestRun;
  const connections = await connectionsOf(ports);
  const { sessions, removed } = await sessionsOf(ports, connections, end);
  const found = { sessions: removed, wills: 0, subscriptions: 0, subscribers: 0, messages: 0 };
  let isWhole = true;
  for await (const page of ports.rows.rows()) {
    const gone = page.filter((row) => isStranded(row, { connections, sessions }, ports.now()));
    for (const row of await removeRows(ports, gone)) found[kindOf(row)] += 1;
    isWhole = ports.now() < end;
    if (!isWhole) break;
  }
  report(ports, found, { isWhole });
}

async function connectionsOf({ rows }: LeftoverPorts): Promise<ReadonlySet<string>> {
  const connections = new Set<string>();
  for await (const page of rows.connections()) for (const connectionId of page) connections.add(connectionId);
  return connections;
}

/** Asks for the end of sessions that nobody else ends, which still own their rows meanwhile. */
async function sessionsOf(
  ports: LeftoverPorts,
  connections: ReadonlySet<string>,
  end: number,
): Promise<Pick<Owners, 'sessions'> & { readonly removed: number }> {
  const sessions = new Set<string>();
  let removed = 0;
  for await (const heads of ports.rows.heads()) {
    if (ports.now() > end) throw new Error('the sessions were not read in time'); // and without all of them nobody can tell
    for (const { session, deleting } of heads) sessions.add(session).add(deleting ?? session);
    const [over, unowned] = [heads.filter(isPast(ports.now())), heads.filter(isUnowned(connections, ports.now()))];
    removed += over.length + unowned.length;
    await together([
      inParallel(over, parallelRows, (head) => removeExpiredSession(ports, head)),
      inParallel(unowned, parallelRows, ({ owner = '', clientId }) => ports.packets.disconnect(owner, clientId)),
    ]);
  }
  return { sessions, removed };
}

function isPast(now: number) {
  return (head: SessionItem) => isSessionExpired(head, now - leftoverDelay) && timeOf(head.fence) < now - oldEnough;
}

/** Its owner was let in by an attempt that died, and no other has put it on record. */
function isUnowned(connections: ReadonlySet<string>, now: number) {
  return ({ owner, fence }: SessionItem) =>
    owner !== undefined && !connections.has(owner) && timeOf(fence) < now - oldEnough;
}

/** Rows under ids that are none of a session are choices of shares and requests of backends, which have a time to live. */
function isStranded({ session, connectionId }: StoredRow, owners: Owners, now: number): boolean {
  if (session !== undefined) return timeOf(session) < now - oldEnough && !owners.sessions.has(session);
  return connectionId !== undefined && !owners.connections.has(connectionId);
}

/**
 * Removes rows and returns those that were there. A will does not tell when it was written, so it is marked and removed by a later
 * run.
 */
async function removeRows(ports: LeftoverPorts, rows: readonly StoredRow[]): Promise<readonly StoredRow[]> {
  const now = ports.now();
  const fresh = rows.filter(({ connectionId, markedAt }) => connectionId !== undefined && markedAt === undefined);
  const due = rows.filter((row) => !fresh.includes(row) && (row.markedAt ?? 0) < now - oldEnough);
  await inParallel(fresh, parallelRows, (row) => ports.rows.mark(row, now));
  const results = await inParallel(due, parallelRows, (row) => ports.rows.remove(row));
  const removed = due.filter((_, index) => results[index] === 'removed');
  const shapes = [...new Set(removed.flatMap(({ shape }) => shape ?? []))];
  await together(shapes.map((shape) => ports.topicIndex.touch(shape))); // containers remember the rows
  if (shapes.length > 0) await ports.shapeChecks.request(shapes);
  return removed;
}

function kindOf({ table, connectionId }: StoredRow): Exclude<keyof Found, 'sessions'> {
  if (table === 'sessions') return connectionId === undefined ? 'subscriptions' : 'wills';
  return table === 'topicIndex' ? 'subscribers' : 'messages';
}

function report({ log, metrics }: LeftoverPorts, found: Found, { isWhole }: { readonly isWhole: boolean }): void {
  const total = Object.values(found).reduce((sum, count) => sum + count, 0);
  if (total > 0) metrics.count('LeftoversRemoved', total);
  if (total > 0 || !isWhole) log('leftovers', { ...found, isWhole });
}
