import type { Turn } from './assemble-turn';
import { endTurn } from './end-turn';
import type { OrderedFrames } from './frames';
import { lost, type Outcome } from './outcome';
import { readFrame } from './read-frames';
import { enter, packetContextOf } from './run-effects';

/**
 * Continues a CONNECT that waited for another connection to end, then reads the packets behind it in its frame. A connection that was
 * closed meanwhile continues too: a newer one may wait for it.
 */
export async function continueTakeover(turn: Turn): Promise<Outcome | undefined> {
  const { ports, state, connectFlow, events } = turn;
  const { takeover, lastNumber } = connectFlow.pending.stored ?? {};
  const wake = events.find(({ kind }) => kind === 'wake' || kind === 'disconnect');
  if (!takeover || !wake) return undefined;
  const result = await connectFlow.continueTakeover(takeover, packetContextOf(turn, ports.now()));
  const ended = enter(turn, result);
  if (ended || !state.connection || state.tail.length === 0) return ended;
  const { id: eventId, redelivered } = wake;
  const { since: receivedAt, connectedAt } = takeover;
  const bytes = state.tail;
  state.tail = Buffer.alloc(0);
  const number = lastNumber ? { number: lastNumber } : {};
  return readFrame(turn, { ...number, bytes, eventId, redelivered, receivedAt, connectedAt }, []);
}

/** Keeps what a client has sent that is not connected yet, and sends the responses that it waits for. */
export async function keepWaiting(turn: Turn, frames: OrderedFrames): Promise<void> {
  const { state, dispatch, connectFlow } = turn;
  await dispatch.send();
  const lostAt = state.lostAt();
  if (lostAt !== undefined) connectFlow.pending.lose(lostAt);
  if (!(await connectFlow.pending.keep(state.received(frames)))) await endTurn(turn, lost);
}
