import { type DrainResult, drainQueue } from '../delivery/drain-queue';
import type { ConnectionRecord } from '../model/connection';
import { leaveRetained, retainedContinuationsIn, stillSubscribed } from '../session/continue-retained';
import { sendRetained } from '../session/send-retained';
import type { Turn } from './assemble-turn';

/** Sends retained messages: those of new subscriptions, and some of those that earlier turns have left. */
export async function sendRetainedMessages(turn: Turn, recipient: ConnectionRecord): Promise<void> {
  const { ports, state, writes, events, connectionId, continuationId } = turn;
  const { clientId, session } = recipient;
  const fresh = state.retained;
  state.retained = new Map();
  const continued = retainedContinuationsIn(events).filter((one) => one.session === session);
  if (fresh.size + continued.length === 0) return; // continuations of another session
  await writes.forgetRouted(); // responses are sent from here on
  const earlier = continued.flatMap(({ pending }) => pending).filter(({ request }) => !fresh.has(request.name));
  const [first, ...others] = await stillSubscribed(ports, recipient, earlier);
  const wanted = [...(first ? [first] : []), ...fresh.values(), ...others];
  const { dispatch, deliverer, retainedWait } = turn;
  const sending = {
    ports,
    dispatch,
    deliverer,
    retainedWait,
    recipient,
    permissions: state.permitted(),
    isAway: false,
  };
  const pending = await sendRetained(sending, wanted);
  await leaveRetained({ ports, continuationId }, connectionId, { clientId, session, pending });
}

/** Sends the queued messages of a session that was resumed, that somebody has queued a message for, or whose window has room again. */
export async function sendQueuedMessages(turn: Turn, connection: ConnectionRecord): Promise<DrainResult> {
  const { ports, dispatch, state, events } = turn;
  const draining = { ports, dispatch, events, permissions: state.permitted() };
  if (state.isResumed) {
    const item = await ports.sessions.markConnackSent(connection.clientId, connection.fence);
    return item === 'changed' ? 'done' : drainQueue(draining, connection, item);
  }
  return drainQueue(draining, connection);
}
