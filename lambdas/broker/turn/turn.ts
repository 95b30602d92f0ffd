import { ProtocolError, Reason } from '../../protocol/reason-codes';
import { together } from '../../shared/parallel';
import { keepAliveDeadline, renewTimer } from '../expiry/deadlines';
import type { ConnectionRecord, StoredConnection } from '../model/connection';
import { isFrame } from '../model/connection-event';
import { chargeFragments } from '../session/account-usage';
import { assembleTurn, type Turn } from './assemble-turn';
import { beginTurn } from './begin-turn';
import { closeSuperseded, disconnectByAdmin, endTurn, refuse } from './end-turn';
import { type OrderedFrames, orderFrames } from './frames';
import { administrative, lost, type Outcome, uncertain } from './outcome';
import { continueTakeover, keepWaiting } from './pending-turn';
import { readFrames } from './read-frames';
import { sendQueuedMessages, sendRetainedMessages } from './send-waiting';
import type { TurnInput } from './turn-input';
import type { TurnMode } from './turn-modes';

/** `unconfirmed`: nothing was sent, and the full turn has to handle the events. */
export type TurnResult = 'done' | 'unconfirmed';

/**
 * Runs one turn: everything that one invocation does for one connection. Packets become effects, effects become gathered writes and
 * responses. Then the writes are made durable, messages are sent, responses are sent, and the connection is committed. The commit
 * comes last: a turn that dies before is repeated, and every step is safe to repeat.
 *
 * @param stored The connection when the turn begins: from the table for the full turn, from the cache for the others.
 */
export async function runTurn(input: TurnInput, stored: StoredConnection, mode: TurnMode): Promise<TurnResult> {
  const turn = assembleTurn(input, stored, mode);
  const begun = turn.state.isOrdinary ? undefined : await beginTurn(turn);
  const frames = orderFrames(stored.connection ?? stored.pending, input.events, input.reader.frame);
  if (begun) return finish(turn, frames, begun);
  try {
    return await finish(turn, frames, await handleEvents(turn, frames));
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    if (!(await mode.mayRefuse())) return 'unconfirmed';
    await refuse(turn, error);
    return 'done';
  }
}

/** @throws ProtocolError if the client broke the protocol, or may not be connected any more. */
async function handleEvents(turn: Turn, frames: OrderedFrames): Promise<Outcome> {
  await reauthorize(turn);
  const ended = turn.state.before ? undefined : await continueTakeover(turn);
  return ended ?? (await readFrames(turn, frames)) ?? (await outcomeOf(turn, frames));
}

/** Reads the permissions anew: an account or its rules may have changed since the last turn. */
async function reauthorize({ ports, state, events }: Turn): Promise<void> {
  if (!state.connection) return;
  const { identity, clientId } = state.connection;
  const until = identity.expiresAt ?? Number.POSITIVE_INFINITY;
  if (events.some(({ receivedAt }) => receivedAt >= until)) {
    throw new ProtocolError(Reason.maximumConnectTime, 'the credentials of the client have expired');
  }
  const permissions = await ports.access.permissions(identity, clientId);
  if (permissions === 'revoked') throw new ProtocolError(Reason.administrativeAction, 'access was revoked');
  state.permissions = permissions;
}

/** Returns the end of a turn in which no packet has ended the connection. */
async function outcomeOf(turn: Turn, { early }: OrderedFrames): Promise<Outcome> {
  const { ports, state, connectFlow, events } = turn;
  const { connection, adminDisconnect, rest, tail } = state;
  if (adminDisconnect) {
    await disconnectByAdmin(turn, adminDisconnect);
    return { kind: 'end', withWill: adminDisconnect.withWill, reason: administrative };
  }
  if (!connection && connectFlow.isWaiting) return { kind: 'keep waiting' };
  if (state.lostAt() !== undefined) return lost;
  if (!connection) return { kind: 'keep waiting' };
  if (isSilent(turn, connection)) return { ...lost, reason: { reason: Reason.keepAliveTimeout } };
  const frames = events.filter(isFrame);
  const isFragmented = tail.length + early.length > 0 || connection.debt;
  if (!isFragmented || rest || frames.length === 0) return { kind: 'commit', connection }; // bytes that the broker itself has left cost nothing
  return { kind: 'commit', connection: await chargeFragments(ports, connection, { tail, early, frames }) };
}

/** True if the keep-alive of the client has run out. */
function isSilent({ state, events }: Turn, connection: ConnectionRecord): boolean {
  const expired = events.find(({ kind }) => kind === 'expired');
  if (!expired) return false;
  const { keepAlive } = connection;
  return keepAliveDeadline({ keepAlive, lastSeen: state.lastSeen(connection) }) <= expired.receivedAt;
}

async function finish(turn: Turn, frames: OrderedFrames, outcome: Outcome): Promise<TurnResult> {
  switch (outcome.kind) {
    case 'commit':
      return commit(turn, frames, outcome.connection);
    case 'not allowed':
      return 'unconfirmed';
    case 'keep waiting':
      await keepWaiting(turn, frames);
      return 'done';
    case 'end':
      await endTurn(turn, outcome);
      return 'done';
    case 'superseded':
      await closeSuperseded(turn);
      return 'done';
    case 'done':
      return 'done';
  }
}

/** Makes all writes durable, sends messages, then responses, and commits the connection. */
async function commit(turn: Turn, frames: OrderedFrames, connection: ConnectionRecord): Promise<TurnResult> {
  const { ports, state, mode, writes, publisher, dispatch, events, connectionId } = turn;
  const confirmation = mode.confirm(state, writes);
  if (!confirmation) return 'unconfirmed';
  const { heldTopics } = state;
  await together([
    writes.flush(confirmation.sessions),
    heldTopics.size > 0 ? publisher.findSubscribers([...heldTopics]) : undefined,
  ]);
  if (!(await confirmation.isCurrent())) return 'unconfirmed';
  if (state.hasRetainedToSend) await sendRetainedMessages(turn, connection);
  await writes.forgetRouted();
  if (confirmation.commit === 'beside sending') {
    await together([dispatch.send(), save(turn, state.after(connection, frames))]);
    return done(turn, connection);
  }
  await dispatch.send();
  if (state.hasQueuedToSend && (await sendQueuedMessages(turn, connection)) === 'uncertain') {
    await endTurn(turn, uncertain);
    return 'done';
  }
  // Named after the last event: the queue may drop a wake as a duplicate only if that wake waits behind this event.
  if (state.rest) await ports.packets.wake(connectionId, `rest#${events.at(-1)?.id}`);
  const after = state.after(connection, frames);
  if (confirmation.commit === 'confirmed') turn.connections.set(after);
  else await save(turn, after);
  return done(turn, connection);
}

/** Writes the record of the connection after this turn, unless the turn brought nothing that belongs into it. */
async function save({ ports, state, events, connections }: Turn, after: ConnectionRecord): Promise<void> {
  const { before } = state;
  const isChanged = !before || events.some(isFrame) || before.tail.length + before.early.length > 0;
  if (!before) await ports.connectionStore.create(after);
  else if (isChanged) await ports.connectionStore.commit(after, before);
  if (isChanged) connections.set(after);
  if (events.some(({ kind }) => kind === 'expired')) await renewTimer(ports, after);
}

function done({ ports, state }: Turn, connection: ConnectionRecord): TurnResult {
  state.report(ports, connection);
  return 'done';
}
