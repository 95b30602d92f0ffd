import { encode } from '../protocol/codec/encode';
import { toPublish } from '../protocol/deliver';
import type { Dispatch } from './dispatch';
import { inParallel } from './parallel';
import type { ConnectionRecord, Ports, RingItem, SessionHead } from './ports';

/** Slots claimed at the same time. */
const parallelClaims = 25;

/** `uncertain`: a worker died between claim and post, and at QoS 2 nobody can tell what the client has seen. */
export type PumpResult = 'answered' | 'uncertain';

/**
 * Sends what waits in the ring of a session, in order, until nobody asks any more. It runs only inside the ordered stream
 * of the connection that owns the session, so never twice at a time for one connection.
 *
 * `eventId` names the event that caused it: a claim of the same event from before is the trace of a worker that died.
 * `known` is the head when it was read just now.
 */
export async function pump(
  ports: Ports,
  dispatch: Dispatch,
  connection: ConnectionRecord,
  eventId: string,
  known?: SessionHead,
): Promise<PumpResult> {
  const posted = new Set<number>();
  for (let head = known; ; head = undefined) {
    head ??= await ports.sessions.head(connection.clientId);
    if (head?.owner !== connection.connectionId || head.asked === head.answered) return 'answered';
    for await (const page of ports.inflight.ring(head.session, head.outSeq)) {
      const items = await withoutCompleted(ports, page);
      if ((await sendPage(ports, dispatch, connection, eventId, items, posted)) === 'uncertain') return 'uncertain';
    }
    await ports.sessions.answer(head, head.asked);
  }
}

async function sendPage(
  ports: Ports,
  dispatch: Dispatch,
  connection: ConnectionRecord,
  eventId: string,
  items: readonly RingItem[],
  posted: Set<number>,
): Promise<PumpResult> {
  const waiting = items.filter((item) => isWaiting(item, connection, eventId, posted));
  const abandoned = (item: RingItem) => item.sentOn === connection.fence;
  if (waiting.some((item) => abandoned(item) && item.qos === 2 && item.state === 'published')) return 'uncertain';
  const claims = await inParallel(waiting, parallelClaims, (item) =>
    abandoned(item) ? Promise.resolve('claimed') : ports.inflight.claim(item, connection.fence, eventId),
  );
  for (const [index, item] of waiting.entries()) {
    if (claims[index] !== 'claimed') continue; // acknowledged meanwhile, or taken by a newer connection
    posted.add(item.number);
    post(dispatch, connection, item);
  }
  await dispatch.send();
  return 'answered';
}

/** Not sent on this connection yet; or claimed by this very event before its worker died. */
function isWaiting(item: RingItem, connection: ConnectionRecord, eventId: string, posted: Set<number>): boolean {
  if (item.sentOn > connection.fence) return false;
  return item.sentOn < connection.fence || (item.sentBy === eventId && !posted.has(item.number));
}

function post(dispatch: Dispatch, connection: ConnectionRecord, item: RingItem): void {
  const { clientId, session, fence, connectionId, version } = connection;
  const { slot, number, qos } = item;
  const stake = { kind: 'ring', clientId, session, fence, slot, number, qos } as const;
  for (const { packetId, message, retain } of item.messages) {
    const packet =
      item.state === 'released'
        ? ({ cmd: 'pubrel', messageId: packetId } as const)
        : toPublish(message, { qos, packetId, dup: item.sentOn !== '', retain });
    dispatch.outbox.add(connectionId, encode(packet, version), stake);
  }
}

/**
 * A write that was repeated because its answer got lost can bring back a QoS 2 message that has been completed since.
 * Its record says so.
 */
async function withoutCompleted(ports: Ports, items: RingItem[]): Promise<RingItem[]> {
  const unsent = items.filter(({ qos, state }) => qos === 2 && state === 'published');
  if (unsent.length === 0) return items;
  const keys = unsent.map(({ session, id }) => ({ session, id: id ?? '' }));
  const records = await ports.inflight.once(keys);
  const done = new Map(records.filter((record) => record.done).map(({ id, number }) => [id, number]));
  const completed = unsent.filter(({ id, number }) => done.get(id ?? '') === number);
  for (const { session, slot } of completed) await ports.inflight.remove(session, [slot]);
  return items.filter((item) => !completed.includes(item));
}
