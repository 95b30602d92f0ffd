import { ProtocolError, Reason } from '../../protocol/reason-codes';
import { together } from '../../shared/parallel';
import { keepAliveDeadline, renewTimer } from '../expiry/deadlines';
import type { ConnectionRecord, StoredConnection } from '../model/connection';
import { isFrame } from '../model/connection-event';
import { chargeFragments } from '../session/account-usage';
import { assembleTurn, type Turn, type TurnInput } from './assemble-turn';
import { beginTurn } from './begin-turn';
import { closeSuperseded, disconnectByAdmin, endTurn, refuse, report } from './end-turn';
import { type OrderedFrames, orderFrames } from './frame-order';
import { administrative, lost, type Outcome, uncertain } from './outcome';
import { readFrame, readFrames } from './read-frames';
import { enter, packetContextOf } from './run-effects';
import { sendQueuedMessages, sendRetainedMessages } from './send-waiting';
import type { TurnMode } from './turn-mode';

/** `unconfirmed`: nothing was sent, and the full turn has to do it all. */
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
  const begun = await beginTurn(turn);
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
  const ended = (await continueTakeover(turn)) ?? (await readFrames(turn, frames));
  return ended ?? outcomeOf(turn, frames);
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

/**
 * Continues a CONNECT that waited for another connection to end, then reads the packets behind it in its frame. A connection that was
 * closed meanwhile continues too: a newer one may wait for it.
 */
async function continueTakeover(turn: Turn): Promise<Outcome | undefined> {
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

/** How the turn ends when no packet has ended the connection. */
async function outcomeOf(turn: Turn, { early }: OrderedFrames): Promise<Outcome> {
  const { ports, state, connectFlow, events, adminDisconnect } = turn;
  if (adminDisconnect) {
    await disconnectByAdmin(turn);
    return { kind: 'end', withWill: adminDisconnect.withWill, reason: administrative };
  }
  const { connection, rest, tail } = state;
  if (connectFlow.isWaiting) return { kind: 'keep waiting' };
  if (state.lostAt() !== undefined) return lost;
  if (!connection) return { kind: 'keep waiting' };
  if (isSilent(turn, connection)) return { ...lost, reason: { reason: Reason.keepAliveTimeout } };
  const frames = events.filter(isFrame);
  if (rest || frames.length === 0) return { kind: 'commit', connection }; // bytes that the broker itself has left cost nothing
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
    case 'not allowed':
      return 'unconfirmed';
    case 'commit':
      return commit(turn, frames, outcome.connection);
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
  await sendRetainedMessages(turn, connection);
  await writes.forgetRouted();
  const after = state.after(connection, frames);
  if (confirmation.commit === 'beside sending') await together([dispatch.send(), save(turn, after)]);
  else {
    await dispatch.send();
    if ((await sendQueuedMessages(turn, connection)) === 'uncertain') {
      await endTurn(turn, uncertain);
      return 'done';
    }
    // Named after the last event: the queue may drop a wake as a duplicate only if that wake waits behind this event.
    if (state.rest) await ports.packets.wake(connectionId, `rest#${events.at(-1)?.id}`);
    if (confirmation.commit === 'after sending') await save(turn, state.after(connection, frames));
    else turn.connections.set(after);
  }
  report(turn, connection);
  return 'done';
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

/** Keeps what a client has sent that is not connected yet, and sends the responses that it waits for. */
async function keepWaiting(turn: Turn, frames: OrderedFrames): Promise<void> {
  const { state, dispatch, connectFlow } = turn;
  await dispatch.send();
  const lostAt = state.lostAt();
  if (lostAt !== undefined) connectFlow.pending.lose(lostAt);
  if (!(await connectFlow.pending.keep(state.received(frames)))) await endTurn(turn, lost);
}
