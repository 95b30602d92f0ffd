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

/** Messages that may wait for a client that is away, and retained ones still join them. */
const mostForAbsent = queueSpan / 2;

/** What continuing needs of a turn. */
export type ContinuingTurn = Pick<RetainedTurn, 'ports' | 'dispatch' | 'deliverer' | 'retainedWait'> & {
  readonly connectionId: string;
};

/** Continuations of retained messages among these events. */
export function retainedContinuationsIn(events: readonly ConnectionEvent[]): RetainedContinuation[] {
  return events.flatMap((event) =>
    event.kind === 'continue' && event.continuation.task === 'retained' ? [event.continuation] : [],
  );
}

/**
 * What is still owed of these: nothing to a subscription that was removed since, nor to one that was replaced by another, which is
 * owed its own [MQTT-3.10.4-2].
 */
export async function stillSubscribed(
  { topicIndex }: Pick<Ports, 'topicIndex'>,
  subscriber: Pick<ConnectionRecord, 'clientId' | 'session'>,
  owed: readonly PendingRetained[],
): Promise<PendingRetained[]> {
  if (owed.length === 0) return [];
  const wanted = new Map(owed.map(({ request }) => [request.filter, subscriberOf(subscriber, request)]));
  const rows = new Map((await topicIndex.read([...wanted.values()])).map((row) => [row.filter, row]));
  return owed.filter(({ request: { filter } }) => {
    const [row, asked] = [rows.get(filter), wanted.get(filter)];
    return row && asked && isSameSubscription(row, asked);
  });
}

/**
 * Goes on with the retained messages of a session that this connection does not own: another connection may have taken it over, or
 * its client is away, and what is QoS 1 or 2 waits for it. A session that has ended is owed nothing.
 */
export async function continueElsewhere(
  turn: ContinuingTurn,
  { clientId, session, pending }: RetainedContinuation,
  occasion: string,
): Promise<void> {
  const { ports, connectionId } = turn;
  const head = await ports.sessions.read(clientId);
  if (head?.session !== session) return;
  if (head.owner !== undefined) {
    if (head.owner !== connectionId)
      await continueRetained(ports, head.owner, { clientId, session, pending }, occasion);
    return;
  }
  const left = await sendToAbsent(turn, head, pending);
  await continueRetained(ports, connectionId, { clientId, session, pending: left }, occasion);
}

async function sendToAbsent(
  turn: ContinuingTurn,
  head: SessionItem,
  owed: readonly PendingRetained[],
): Promise<readonly PendingRetained[]> {
  const { ports } = turn;
  const { clientId, session, version, capabilities, identity, fence } = head;
  if (head.outSeq - head.offlineFrom >= mostForAbsent) return [];
  const permissions = await ports.access.permissions(identity, clientId);
  if (permissions === 'revoked') return [];
  const numbered = owed.filter(({ request }) => request.qos > 0);
  const recipient = { connectionId: connectionOf(fence), clientId, session, version, capabilities };
  return sendRetained({ ...turn, recipient, permissions, isAway: true }, await stillSubscribed(ports, head, numbered));
}

/** Leaves to a later turn what is left. */
export async function continueRetained(
  { packets }: Pick<Ports, 'packets'>,
  connectionId: string,
  rest: Omit<RetainedContinuation, 'task'>,
  occasion: string,
): Promise<void> {
  if (rest.pending.length > 0) await packets.continue(connectionId, { task: 'retained', ...rest }, occasion);
}
