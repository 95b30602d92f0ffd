import { connectionOf } from '../model/fence';
import type { SessionItem } from '../model/session';
import type { Ports } from '../ports/ports';

/**
 * Whether nobody is connected to a session and nobody can resume it. Its head stays until somebody removes it, at the time that its
 * last connection has left to the broker; when that is lost, whoever meets it asks for it.
 */
export function isSessionExpired({ owner, persistent, expiresAt }: SessionItem, now: number): boolean {
  return owner === undefined && !(persistent && (expiresAt ?? Number.POSITIVE_INFINITY) > now);
}

/** Milliseconds from the end of a session until others take its rows for leftovers: by then no clock says that it may be resumed. */
export const leftoverDelay = 60_000;

/** Has a session that is over removed, behind whatever is still to be done in the stream of its last connection. Safe to repeat. */
export async function removeExpiredSession(
  { packets }: Pick<Ports, 'packets'>,
  { clientId, fence }: SessionItem,
): Promise<void> {
  const dismissal = { clientId, fence, withWill: true, keepSession: false };
  await packets.adminDisconnect(connectionOf(fence), dismissal, `over#${fence}`);
}
