import type { ConnectionRecord } from '../model/connection';
import type { ConnectionEvent } from '../model/connection-event';
import type { RetainedContinuation } from '../model/continuation';
import { connectionOf } from '../model/fence';
import { queueSpan } from '../model/queue-slots';
import type { PendingRetained } from '../model/retained-message';
import type { SessionItem } from '../model/session';
import type { Ports } from '../ports/ports';
import { type RetainedTurn, sendRetained } from './send-retained';
import { isSameSubscription, subscriberOf } from './subscribe';

/** Queued messages up to which retained messages are added for a client that is away. */
const maxQueuedForAbsent = queueSpan / 2;

/** Collaborators of a turn that continues to send retained messages. */
export interface ContinuingTurn extends Pick<RetainedTurn, 'ports' | 'dispatch' | 'deliverer' | 'retainedWait'> {
  readonly connectionId: string;
  /** Names the work that this turn leaves to another. */
  readonly continuationId: string;
}

/** Returns the continuations of retained messages among these events. */
export function retainedContinuationsIn(events: readonly ConnectionEvent[]): RetainedContinuation[] {
  return events.flatMap((event) =>
    event.kind === 'continue' && event.continuation.task === 'retained' ? [event.continuation] : [],
  );
}

/**
 * Returns the pending retained messages whose subscriptions still exist. A subscription that was removed gets none, nor does one that was
 * replaced by another, which has its own [MQTT-3.10.4-2].
 */
export async function stillSubscribed(
  { topicIndex }: Pick<Ports, 'topicIndex'>,
  subscriber: Pick<ConnectionRecord, 'clientId' | 'session'>,
  pending: readonly PendingRetained[],
): Promise<PendingRetained[]> {
  if (pending.length === 0) return [];
  const expected = new Map(pending.map(({ request }) => [request.filter, subscriberOf(subscriber, request)]));
  const rows = new Map((await topicIndex.read([...expected.values()])).map((row) => [row.filter, row]));
  return pending.filter(({ request: { filter } }) => {
    const [row, expectedRow] = [rows.get(filter), expected.get(filter)];
    return row && expectedRow && isSameSubscription(row, expectedRow);
  });
}

/**
 * Continues to send retained messages to a session that this connection does not own: another connection may have taken it over, or its
 * client is away and messages of QoS 1 and 2 are queued. A session that has ended gets none.
 */
export async function continueForSession(
  turn: ContinuingTurn,
  { clientId, session, pending }: RetainedContinuation,
): Promise<void> {
  const { ports, connectionId } = turn;
  const item = await ports.sessions.read(clientId);
  if (item?.session !== session) return;
  if (item.owner === undefined) {
    const left = await queueForAbsent(turn, item, pending);
    await leaveRetained(turn, connectionId, { clientId, session, pending: left });
  } else if (item.owner !== connectionId) {
    await leaveRetained(turn, item.owner, { clientId, session, pending });
  }
}

/** Queues retained messages for a client that is away. Returns those that are still pending. */
async function queueForAbsent(
  turn: ContinuingTurn,
  item: SessionItem,
  pending: readonly PendingRetained[],
): Promise<readonly PendingRetained[]> {
  const { ports, dispatch, deliverer, retainedWait } = turn;
  const { clientId, session, version, capabilities, identity, fence } = item;
  if (item.outSeq - item.offlineFrom >= maxQueuedForAbsent) return [];
  const permissions = await ports.access.permissions(identity, clientId);
  if (permissions === 'revoked') return [];
  const queueable = pending.filter(({ request }) => request.qos > 0);
  const recipient = { connectionId: connectionOf(fence), clientId, session, version, capabilities };
  const sending = { ports, dispatch, deliverer, retainedWait, recipient, permissions, isAway: true };
  return sendRetained(sending, await stillSubscribed(ports, item, queueable));
}

/** Leaves pending retained messages to a later turn of a connection. */
export async function leaveRetained(
  { ports, continuationId }: Pick<ContinuingTurn, 'ports' | 'continuationId'>,
  connectionId: string,
  rest: Omit<RetainedContinuation, 'task'>,
): Promise<void> {
  if (rest.pending.length > 0)
    await ports.packets.continue(connectionId, { task: 'retained', ...rest }, continuationId);
}
