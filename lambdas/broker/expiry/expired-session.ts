import { connectionOf } from '../model/fence';
import type { SessionItem } from '../model/session';
import type { Ports } from '../ports/ports';

/**
 * Returns whether a session has no owner and can no longer be resumed. A deadline of its last connection removes its item; if that
 * deadline is lost, every function that finds the item requests the removal.
 */
export function isSessionExpired({ owner, persistent, expiresAt }: SessionItem, now: number): boolean {
  return owner === undefined && !(persistent && (expiresAt ?? Number.POSITIVE_INFINITY) > now);
}

/** Milliseconds from the end of a session until its rows count as leftovers: by then it cannot be resumed by any clock. */
export const leftoverDelay = 60_000;

/** Requests the removal of an expired session, in the stream of its last connection behind all other events. Safe to repeat. */
export async function removeExpiredSession(
  { packets }: Pick<Ports, 'packets'>,
  { clientId, fence }: SessionItem,
): Promise<void> {
  const adminDisconnect = { clientId, fence, withWill: true, keepSession: false };
  await packets.adminDisconnect(connectionOf(fence), adminDisconnect, `over#${fence}`);
}
