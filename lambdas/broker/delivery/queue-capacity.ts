import { Reason } from '../../protocol/reason-codes';
import type { Settings } from '../../settings';
import { isSessionExpired, leftoverDelay } from '../expiry/expired-session';
import type { SessionDeliveries } from '../model/delivery';
import { queueSpan } from '../model/queue-slots';
import type { SessionItem } from '../model/session';
import { closeConnection } from '../outbound/close-connection';
import type { Ports } from '../ports/ports';

/**
 * Counts how many more messages fit into the queue of a session, and stores that number. A reservation only counts down; this count
 * finds what acknowledgements have freed, once per many messages. Closes a connected client whose queue is full, because it does not
 * acknowledge.
 *
 * @returns the count, or the item of a session that has ended.
 */
export async function refillCapacity(
  ports: Ports,
  settings: Pick<Settings, 'queueLimit'>,
  { clientId, session }: Pick<SessionDeliveries, 'clientId' | 'session'>,
): Promise<number | { readonly ended: SessionItem | undefined }> {
  for (;;) {
    const item = await ports.sessions.read(clientId);
    const isAlive = item?.session === session && !isSessionExpired(item, ports.now() - leftoverDelay);
    if (!isAlive) return { ended: item };
    const capacity = item.owner ? await freeNumbers(ports, item) : await offlineCapacity(ports, settings, item);
    if (capacity === 0 && item.owner) {
      await closeConnection(ports, item.owner, { reason: Reason.quotaExceeded, client: item });
    }
    if (capacity === 0 || (await ports.sessions.setQueueCapacity(item, capacity)) === 'set') return capacity;
  }
}

/** Counts the numbers whose packet ids are free: the newest message stays within `queueSpan` of the oldest unacknowledged one. */
export async function freeNumbers({ inflight }: Pick<Ports, 'inflight'>, item: SessionItem): Promise<number> {
  const oldest = await inflight.oldest(item.session, item.outSeq);
  return Math.max(0, oldest === undefined ? queueSpan : queueSpan - (item.outSeq - oldest + 1));
}

/** Counts every message since the client left as waiting: an offline client acknowledges none. */
async function offlineCapacity(
  ports: Pick<Ports, 'inflight'>,
  { queueLimit }: Pick<Settings, 'queueLimit'>,
  item: SessionItem,
): Promise<number> {
  const left = queueLimit - (item.outSeq - item.offlineFrom);
  return left <= 0 ? 0 : Math.min(left, await freeNumbers(ports, item));
}
