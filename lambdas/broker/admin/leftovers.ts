import { inParallel, together } from '../../shared/parallel';
import { isSessionExpired, leftoverDelay, removeExpiredSession } from '../expiry/expired-session';
import { timeOf } from '../model/fence';
import type { SessionItem } from '../model/session';
import type { StoredRow, StoredRows } from '../ports/directories';
import type { Ports } from '../ports/ports';

/** Rows removed, and sessions ended, at the same time. */
const parallelRows = 25;

/** Milliseconds after the begin of a session before its rows can be leftovers: by then its first event is handled or given up. */
const minAge = 3_600_000;

/** Milliseconds that one run may read and remove. */
const maxRunTime = 30_000;

/** The ports of a run. */
export interface LeftoverPorts
  extends Pick<Ports, 'topicIndex' | 'shapeChecks' | 'packets' | 'metrics' | 'log' | 'now'> {
  readonly rows: StoredRows;
}

/** Counts of the leftovers that a run has found. */
interface Found {
  /** Sessions that have expired, or whose owner is not stored. The streams of their connections remove them. */
  readonly sessions: number;
  readonly wills: number;
  readonly subscriptions: number;
  readonly subscribers: number;
  readonly messages: number;
}

/** Ids of everything that owns rows. */
interface Owners {
  readonly connections: ReadonlySet<string>;
  readonly sessions: ReadonlySet<string>;
}

/** Minute of the day, UTC, in which leftovers are removed. A run reads whole tables. */
const minuteOfDay = 3 * 60 + 17;

/** Returns whether leftovers are removed in this minute. `now` in milliseconds since 1970. */
export function isTimeForLeftovers(now: number): boolean {
  return Math.floor(now / 60_000) % (24 * 60) === minuteOfDay;
}

/**
 * Removes rows without an owner, which neither the end of a session nor a later read has removed. It reads the owners first and ignores
 * rows of recent sessions, so it never removes a row that a session has just written.
 *
 * @throws Error if the sessions cannot be read in time: without all of them no row is known to be a leftover.
 */
export async function removeLeftovers(ports: LeftoverPorts): Promise<void> {
  const end = ports.now() + maxRunTime;
  const connections = await readConnections(ports);
  const { sessions, ended } = await readSessions(ports, connections, end);
  const found = { sessions: ended, wills: 0, subscriptions: 0, subscribers: 0, messages: 0 };
  let isWhole = true;
  for await (const page of ports.rows.rows()) {
    const orphaned = page.filter((row) => isOrphaned(row, { connections, sessions }, ports.now()));
    for (const row of await removeRows(ports, orphaned)) found[kindOf(row)] += 1;
    isWhole = ports.now() < end;
    if (!isWhole) break;
  }
  report(ports, found, { isWhole });
}

async function readConnections({ rows }: LeftoverPorts): Promise<ReadonlySet<string>> {
  const connections = new Set<string>();
  for await (const page of rows.connections()) for (const connectionId of page) connections.add(connectionId);
  return connections;
}

/** Reads the ids of all sessions, and requests the end of those that nothing else ends. These own their rows until then. */
async function readSessions(
  ports: LeftoverPorts,
  connections: ReadonlySet<string>,
  end: number,
): Promise<Pick<Owners, 'sessions'> & { readonly ended: number }> {
  const sessions = new Set<string>();
  let ended = 0;
  for await (const items of ports.rows.sessionItems()) {
    if (ports.now() > end) throw new Error('the sessions were not read in time');
    for (const { session, deleting } of items) sessions.add(session).add(deleting ?? session);
    const [expired, abandoned] = [
      items.filter(isExpired(ports.now())),
      items.filter(isAbandoned(connections, ports.now())),
    ];
    ended += expired.length + abandoned.length;
    await together([
      inParallel(expired, parallelRows, (item) => removeExpiredSession(ports, item)),
      inParallel(abandoned, parallelRows, ({ owner = '', clientId }) => ports.packets.disconnect(owner, clientId)),
    ]);
  }
  return { sessions, ended };
}

function isExpired(now: number) {
  return (item: SessionItem) => isSessionExpired(item, now - leftoverDelay) && timeOf(item.fence) < now - minAge;
}

/** The session was claimed by an attempt that died before it stored the connection, and no later attempt has stored it. */
function isAbandoned(connections: ReadonlySet<string>, now: number) {
  return ({ owner, fence }: SessionItem) =>
    owner !== undefined && !connections.has(owner) && timeOf(fence) < now - minAge;
}

/** Rows of shares and of API requests have ids that are no sessions, and a time to live. */
function isOrphaned({ session, connectionId }: StoredRow, owners: Owners, now: number): boolean {
  if (session !== undefined) return timeOf(session) < now - minAge && !owners.sessions.has(session);
  return connectionId !== undefined && !owners.connections.has(connectionId);
}

/**
 * Removes rows and returns those that were removed. A will does not tell its age, so it is marked and removed by a later run.
 */
async function removeRows(ports: LeftoverPorts, rows: readonly StoredRow[]): Promise<readonly StoredRow[]> {
  const now = ports.now();
  const unmarked = rows.filter(({ connectionId, markedAt }) => connectionId !== undefined && markedAt === undefined);
  const due = rows.filter((row) => !unmarked.includes(row) && (row.markedAt ?? 0) < now - minAge);
  await inParallel(unmarked, parallelRows, (row) => ports.rows.mark(row, now));
  const results = await inParallel(due, parallelRows, (row) => ports.rows.remove(row));
  const removed = due.filter((_, index) => results[index] === 'removed');
  const shapes = [...new Set(removed.flatMap(({ shape }) => shape ?? []))];
  await together(shapes.map((shape) => ports.topicIndex.touch(shape))); // containers have cached the rows
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
