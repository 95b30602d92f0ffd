import { Reason } from '../../protocol/reason-codes';
import type { Settings } from '../../settings';
import type { Congestion, SessionItem } from '../model/session';
import type { Ports } from '../ports/ports';
import { closeConnection } from './close-connection';

/** Seconds between two attempts to send to a client that does not read. */
const retrySeconds = 2;

/** Seconds after a refused attempt within which the scheduled drain comes, unless the worker died that scheduled it. */
const drainDueSeconds = 5;

/** Attempts to record a refusal while other workers change the session item. */
const maxAttempts = 10;

/** Milliseconds by which the clocks of two containers may differ. */
const clockSkew = 500;

/** The limit after which a slow reader is closed. */
export type ReaderLimit = Pick<Settings, 'slowReaderTimeout'>;

/** Returns whether a drain that runs now precedes the one that its timer starts. */
export function isDrainTooEarly({ congestion }: SessionItem, now: number): boolean {
  return congestion?.isDrainScheduled === true && now < congestion.at + retrySeconds * 1000 - clockSkew;
}

/**
 * Returns whether a drain of this queue is scheduled that begins after `now`. It reads every message that was put before: it clears the
 * congestion before it reads the queue for the last time, and from then on this function returns false.
 */
export function isDrainScheduled({ congestion, wakeRequests, wakeHandled }: SessionItem, now: number): boolean {
  return (
    congestion?.isDrainScheduled === true &&
    wakeRequests !== wakeHandled &&
    now < congestion.at + drainDueSeconds * 1000
  );
}

/**
 * Returns whether senders back off from this session and drop QoS 0 messages without an attempt. The next attempt is made by the
 * scheduled drain, or by the first sender after `retrySeconds` where none is scheduled.
 */
export function isBackingOff(item: SessionItem, now: number): boolean {
  const { congestion } = item;
  return congestion !== undefined && (now < congestion.at + retrySeconds * 1000 || isDrainScheduled(item, now));
}

/** Returns whether senders back off from the client of this connection. */
export async function isCongested(ports: Ports, connectionId: string): Promise<boolean> {
  const connection = await ports.connectionStore.read(connectionId);
  const item = connection && (await ports.sessions.read(connection.clientId));
  return item?.owner === connectionId && isBackingOff(item, ports.now());
}

/**
 * Records that the gateway has refused to send to the owner of a session. Every sender sees that in the session item. Closes a
 * connection that has taken nothing for `slowReaderTimeout`. With `hasWaiting` a drain is scheduled.
 *
 * @throws Error if other workers change the session item at each attempt.
 */
export async function recordRefusal(ports: Ports, limit: ReaderLimit, refusal: Refusal): Promise<void> {
  const { clientId, connectionId, hasWaiting } = refusal;
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const item = await ports.sessions.read(clientId);
    if (item?.owner !== connectionId) return; // the next owner reads the queue
    const at = ports.now();
    const since = refusedSince(item.congestion, at, limit);
    if (limit.slowReaderTimeout > 0 && at - since >= limit.slowReaderTimeout * 1000) {
      return closeSlowReader(ports, connectionId, item);
    }
    if (!hasWaiting && isBackingOff(item, at)) return; // another sender has recorded it
    // The timer comes first: a worker that dies in between leaves no record of a drain that never comes.
    if (hasWaiting) await ports.timers.scheduleWake(connectionId, retrySeconds);
    const outcome = await ports.sessions.markCongested(item, { since, at, isDrainScheduled: hasWaiting });
    const isDelayed = ports.now() - at >= retrySeconds * 1000 - clockSkew; // the timer may have come before the record
    if (hasWaiting && isDelayed) await ports.timers.scheduleWake(connectionId, retrySeconds);
    if (outcome === 'noted') return;
  }
  throw new Error(`the congestion of connection ${connectionId} keeps changing`);
}

/** A post that the gateway has refused. */
interface Refusal {
  readonly clientId: string;
  readonly connectionId: string;
  /** Messages wait in the queue. */
  readonly hasWaiting: boolean;
}

/** Attempts that are further apart than the timeout prove nothing about the time between them. */
function refusedSince(congestion: Congestion | undefined, now: number, { slowReaderTimeout }: ReaderLimit): number {
  return congestion && now - congestion.at <= slowReaderTimeout * 1000 ? congestion.since : now;
}

async function closeSlowReader(ports: Ports, connectionId: string, item: SessionItem): Promise<void> {
  const { clientId, congestion } = item;
  const seconds = Math.round((ports.now() - (congestion?.since ?? 0)) / 1000);
  ports.log('slow reader', { connectionId, clientId, seconds });
  ports.metrics.count('SlowReadersClosed');
  await closeConnection(ports, connectionId, { reason: Reason.quotaExceeded, client: item });
}
