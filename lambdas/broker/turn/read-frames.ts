import { checkIncompletePacket } from '../../protocol/codec/fixed-header';
import { handlePacket } from '../../protocol/handle-packet';
import { ProtocolError, Reason } from '../../protocol/reason-codes';
import { checkConnectSize } from '../connect/connect-flow';
import type { ReadyFrame } from '../model/connection-event';
import { timeOf } from '../model/fence';
import type { Origin } from '../model/origin';
import { chargePublish, isUsageKnown } from '../session/account-usage';
import type { Turn } from './assemble-turn';
import type { OrderedFrames } from './frames';
import { notAllowed, type Outcome } from './outcome';
import { packetContextOf, runEffect } from './run-effects';

/**
 * Runs the effects of all packets in these frames, in order. Returns how the connection ends, if a packet or a frame ends it.
 *
 * @throws ProtocolError for a packet that breaks the protocol; packets before it are gathered.
 */
export async function readFrames(turn: Turn, { ready, broken }: OrderedFrames): Promise<Outcome | undefined> {
  const { state, subscriptions } = turn;
  const ended = await readRest(turn, ready);
  if (ended) return ended;
  for (const [index, frame] of ready.entries()) {
    if (state.rest || isWaiting(turn)) {
      state.waiting = ready.slice(index);
      break;
    }
    const outcome = await readFrame(turn, frame, ready.slice(index + 1));
    if (outcome) return outcome;
  }
  if (state.rest) return undefined;
  await subscriptions.flush();
  if (broken) throw broken;
  return undefined;
}

/** Reads packets of a frame that an earlier turn has left. They keep their identities. */
async function readRest(turn: Turn, behind: readonly ReadyFrame[]): Promise<Outcome | undefined> {
  const { state } = turn;
  const { before, tail, isRedelivered: redelivered } = state;
  if (!before?.rest) return undefined;
  const number = before.lastNumber > 0 ? { number: before.lastNumber } : {};
  state.tail = Buffer.alloc(0);
  const connectedAt = timeOf(before.fence);
  return readFrame(turn, { ...before.rest, ...number, bytes: tail, redelivered, connectedAt }, behind);
}

/** Runs the effects of the packets of one frame. `behind`: the frames that follow it in this turn. */
export async function readFrame(
  turn: Turn,
  frame: ReadyFrame,
  behind: readonly ReadyFrame[],
): Promise<Outcome | undefined> {
  const { state, protocol, reader } = turn;
  const { eventId, receivedAt, firstIndex = 0 } = frame;
  state.lastNumber = frame.number ?? state.lastNumber;
  if (!state.connection) checkConnectSize(Buffer.concat([state.tail, frame.bytes]));
  const { packets, tail, error } = reader.split(state.tail, frame.bytes);
  state.tail = tail;
  for (const [index, bytes] of packets.entries()) {
    const rest = { eventId, receivedAt, firstIndex: firstIndex + index };
    if (state.budget.isSpent && state.pause([...packets.slice(index), tail], rest, behind)) return undefined;
    const outcome = await readPacket(turn, bytes, originOf(frame, index));
    if (outcome) return outcome;
    if (isWaiting(turn)) {
      state.tail = Buffer.concat([...packets.slice(index + 1), tail]);
      break;
    }
  }
  checkIncompletePacket(tail, protocol.version);
  if (error) throw error;
  if (!isWaiting(turn) && tail.length > 0 && frame.number === undefined) {
    throw new ProtocolError(Reason.malformedPacket, 'frame without number ends inside a packet');
  }
  return undefined;
}

/** True if a CONNECT waits for the end of another connection: packets behind it wait with it. */
function isWaiting({ state, connectFlow }: Turn): boolean {
  return !state.connection && connectFlow.isWaiting;
}

/** The identity of a packet: the same when its event is delivered again, and when its frame is read in several turns. */
function originOf(
  { eventId, firstIndex = 0, redelivered, receivedAt, connectedAt }: ReadyFrame,
  index: number,
): Origin {
  return { eventId, id: `${eventId}.${firstIndex + index}`, redelivered, receivedAt, connectedAt };
}

async function readPacket(turn: Turn, bytes: Buffer, origin: Origin): Promise<Outcome | undefined> {
  const { ports, settings, state, connectFlow, protocol, responses, reader, mode } = turn;
  if (!state.connection) protocol.readHeader(bytes);
  const packet = reader.decode(bytes, protocol.version);
  if (packet.cmd === 'connect') connectFlow.noteConnect(packet, bytes);
  responses.logIncoming(packet, bytes.length);
  const resolved = state.resolveAlias(packet);
  const view = state.view();
  if (view) state.budget.take(resolved, origin.receivedAt);
  const effects = handlePacket(resolved, view, packetContextOf(turn, origin.receivedAt));
  if (!effects.every((effect) => mode.allows(effect, state))) return notAllowed; // before a read that the full turn would repeat
  if (packet.cmd === 'publish' && state.connection) {
    if (!mode.mayRead && !isUsageKnown(settings, state.connection)) return notAllowed;
    const publish = { connection: state.connection, bytes: bytes.length, at: origin.receivedAt };
    state.connection = await chargePublish(ports, settings, publish);
  }
  for (const effect of effects) {
    const outcome = await runEffect(turn, effect, origin);
    if (outcome) return outcome;
  }
  return undefined;
}
