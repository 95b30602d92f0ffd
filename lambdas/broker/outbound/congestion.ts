import { Reason } from '../../protocol/reason-codes';
import type { Settings } from '../../settings';
import type { Congestion, SessionItem } from '../model/session';
import type { Ports } from '../ports/ports';
import { closeConnection } from './close-connection';

/** Seconds between two attempts to send to a client that does not read. */
const retrySeconds = 2;

/** Seconds after a failed attempt in which the pump is sure to come, unless the worker died that asked for it. */
const pumpSeconds = 5;

/** Attempts to note a refusal that others change meanwhile. */
const attempts = 10;

/** Milliseconds by which the clocks of two containers may differ. */
const clockSkew = 500;

/** How the limit of a slow reader is configured. */
export type ReaderLimit = Pick<Settings, 'slowReaderTimeout'>;

/** Whether a pump that runs now is too early, and the one that its timer starts has still to come. */
export function isTooEarly({ congestion }: SessionItem, now: number): boolean {
  return congestion?.isDrainScheduled === true && now < congestion.at + retrySeconds * 1000 - clockSkew;
}

/**
 * Whether a pump of this ring is scheduled that begins after `now`. It reads all that was put before: it lifts the congestion before it
 * reads the ring for the last time, and from then on this is false.
 */
export function isDrainScheduled({ congestion, wakeRequests, wakeHandled }: SessionItem, now: number): boolean {
  return (
    congestion?.isDrainScheduled === true && wakeRequests !== wakeHandled && now < congestion.at + pumpSeconds * 1000
  );
}

/** Whether a QoS 0 message is dropped without an attempt to send it: the pump makes the next one, where one is scheduled. */
export function isSkipped(head: SessionItem, now: number): boolean {
  const { congestion } = head;
  return congestion !== undefined && (now < congestion.at + retrySeconds * 1000 || isDrainScheduled(head, now));
}

/** Whether the gateway has lately refused to send to this connection. */
export async function isCongested(ports: Ports, connectionId: string): Promise<boolean> {
  const connection = await ports.connectionStore.read(connectionId);
  const head = connection && (await ports.sessions.read(connection.clientId));
  return head?.owner === connectionId && isSkipped(head, ports.now());
}

/**
 * The gateway has refused to send to the owner of a session. Notes that in the head, where each sender sees it, or closes a connection
 * that has taken nothing for `slowReaderTimeout`. With `hasWaiting` the pump tries again in a while.
 */
export async function noteRefusal(ports: Ports, limit: ReaderLimit, refusal: Refusal): Promise<void> {
  const { clientId, connectionId, hasWaiting } = refusal;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const head = await ports.sessions.read(clientId);
    if (head?.owner !== connectionId) return; // the next owner reads the ring
    const at = ports.now();
    const since = sinceWhen(head.congestion, at, limit);
    if (limit.slowReaderTimeout > 0 && at - since >= limit.slowReaderTimeout * 1000) {
      return closeSlow(ports, connectionId, head);
    }
    if (!hasWaiting && isSkipped(head, at)) return; // another sender has noted it
    // The timer comes first: a worker that dies in between leaves no promise of a pump that never comes.
    if (hasWaiting) await ports.timers.scheduleWake(connectionId, retrySeconds);
    const outcome = await ports.sessions.congest(head, { since, at, isDrainScheduled: hasWaiting });
    const isLate = ports.now() - at >= retrySeconds * 1000 - clockSkew; // the timer may have come before the note
    if (hasWaiting && isLate) await ports.timers.scheduleWake(connectionId, retrySeconds);
    if (outcome === 'noted') return;
  }
  throw new Error(`the congestion of connection ${connectionId} keeps changing`);
}

/** What the gateway has refused to send. */
interface Refusal {
  readonly clientId: string;
  readonly connectionId: string;
  /** Messages wait in the ring. */
  readonly hasWaiting: boolean;
}

/** Attempts that are further apart than the timeout tell nothing of the time between them. */
function sinceWhen(congestion: Congestion | undefined, now: number, { slowReaderTimeout }: ReaderLimit): number {
  return congestion && now - congestion.at <= slowReaderTimeout * 1000 ? congestion.since : now;
}

async function closeSlow(ports: Ports, connectionId: string, head: SessionItem): Promise<void> {
  const { clientId, congestion } = head;
  const seconds = Math.round((ports.now() - (congestion?.since ?? 0)) / 1000);
  ports.log('slow reader', { connectionId, clientId, seconds });
  ports.metrics.count('SlowReadersClosed');
  await closeConnection(ports, connectionId, { reason: Reason.quotaExceeded, client: head });
}
