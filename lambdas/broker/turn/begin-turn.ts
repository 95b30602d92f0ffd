import { adminDisconnectIn, discardSession, disconnectAbsent } from '../session/admin-disconnect';
import { completeEnding } from '../session/complete-ending';
import { continueForSession, retainedContinuationsIn } from '../session/continue-retained';
import { deletionsIn } from '../session/delete-session';
import type { Turn } from './assemble-turn';
import { administrative, lost, type Outcome, uncertain } from './outcome';

/**
 * Handles the events of a turn that concern work besides frames, and connections that are over. Returns how the turn ends if no
 * frame is to be read.
 */
export async function beginTurn(turn: Turn): Promise<Outcome | undefined> {
  const { ports, state, events, deleter } = turn;
  const { connection } = state;
  for (const { clientId, session, hasShares } of deletionsIn(events))
    await deleter.delete(clientId, session, { hasShares });
  state.adminDisconnect = adminDisconnectIn(events);
  state.isDiscarded = await discardSession(ports, state.adminDisconnect, connection);
  if (!connection || connection.ended) await continueForOthers(turn);
  if (connection?.ended) {
    await handleEnded(turn);
    return { kind: 'done' };
  }
  if (!connection && events.every(({ kind }) => kind === 'continue')) return { kind: 'done' };
  if (await isTakenOver(turn)) {
    await continueForOthers(turn);
    return lost; // the connection that took over has published and removed the will, if it came that far
  }
  return events.some(({ exhausted }) => exhausted) ? giveUp(turn) : undefined;
}

/** Continues to send retained messages to sessions that other connections own now, or nobody. */
async function continueForOthers(turn: Turn): Promise<void> {
  for (const continuation of retainedContinuationsIn(turn.events)) await continueForSession(turn, continuation);
  await turn.dispatch.send();
}

/** True if another connection has taken over the session without waiting for the end of this one. */
async function isTakenOver({ ports, state: { connection } }: Turn): Promise<boolean> {
  if (connection?.supersededAt === undefined) return false;
  if (connection.isTakenOver) return true;
  return (await ports.connectionStore.renewSuperseded(connection.connectionId, ports.now())) === 'taken over';
}

/**
 * The last attempt at these events: nothing of them is handled but a request to discard the session. The client connects again
 * and resumes.
 */
async function giveUp(turn: Turn): Promise<Outcome> {
  const { ports, state } = turn;
  const { adminDisconnect } = state;
  if (!adminDisconnect) return uncertain;
  if (!state.connection) await disconnectAbsent(ports, turn, { ...adminDisconnect, isDiscarded: state.isDiscarded });
  return { kind: 'end', withWill: true, reason: administrative };
}

/** Events of a connection that has ended: something is due, an administrator discards its session, or a frame arrived late. */
async function handleEnded(turn: Turn): Promise<void> {
  const { ports, state, events, connectionId } = turn;
  const { connection, adminDisconnect, isDiscarded } = state;
  if (!connection?.ended) return;
  if (adminDisconnect) await disconnectAbsent(ports, turn, { ...adminDisconnect, isDiscarded, connection });
  else if (events.some(({ kind }) => kind === 'expired'))
    await completeEnding(ports, turn, { ...connection, ended: connection.ended });
  else if (events.some(({ kind }) => kind !== 'continue')) await ports.connections.close(connectionId);
}
