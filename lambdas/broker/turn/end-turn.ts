import { connackCode, type ProtocolError, Reason } from '../../protocol/reason-codes';
import { LoginRefused } from '../connect/authenticate';
import { connack } from '../connect/connack';
import { interruptedConnect } from '../connect/interrupted-connect';
import type { AdminDisconnect, ConnectionRecord } from '../model/connection';
import { disconnectAbsent } from '../session/admin-disconnect';
import { endConnection } from '../session/end-connection';
import type { Turn } from './assemble-turn';
import { orderFrames } from './frames';
import { type EndOutcome, lost } from './outcome';
import { packetContextOf } from './run-effects';
import { sendRetainedMessages } from './send-waiting';

/** Ends the connection of a turn: its will, its session and its record. */
export async function endTurn(turn: Turn, { withWill, reason }: EndOutcome): Promise<void> {
  const { ports, state, dispatch, connectFlow, connectionId } = turn;
  const connected = state.connection ?? (await connectionOfEarlierAttempt(turn));
  if (connected) {
    const connection = asItMayBe(turn, connected);
    if (state.permissions && state.hasRetainedToSend) await sendRetainedMessages(turn, connection); // the session, and messages for it, may outlive the connection
    const at = state.lostAt() ?? ports.now();
    await endConnection(turn, connection, {
      at,
      withWill: withWill && state.adminDisconnect?.withWill !== false,
      reason,
    });
    state.report(ports, connection);
    return;
  }
  await dispatch.send();
  await ports.connections.close(connectionId);
  await connectFlow.pending.drop();
}

/** Closes a connection whose client id a newer connection has. */
export async function closeSuperseded({ ports, connectionId, connectFlow }: Turn): Promise<void> {
  await ports.connections.close(connectionId);
  await connectFlow.pending.drop();
}

/** Disconnects the client because an administrator requested it. Its earlier packets are handled. */
export async function disconnectByAdmin(turn: Turn, request: AdminDisconnect): Promise<void> {
  const { ports, state } = turn;
  if (!state.connection) await disconnectAbsent(ports, turn, { ...request, isDiscarded: state.isDiscarded });
}

/** Ends the connection of a client that broke the protocol. The client is told the reason as far as its version has a code for it. */
export async function refuse(turn: Turn, error: ProtocolError): Promise<void> {
  const { ports, state, protocol, responses, connectionId } = turn;
  const { reason, message } = error;
  if (!(error instanceof LoginRefused)) ports.log('protocol error', { connectionId, reason, message });
  if (reason === Reason.messageRateTooHigh) ports.metrics.count('DroppedLimit');
  if (state.connection) return endTurn(turn, { kind: 'end', withWill: true, reason: { reason, text: message } });
  const hasCode = protocol.responseVersion === 5 || connackCode(reason) !== undefined;
  if (hasCode) responses.sendIfItFits(connack(reason, { properties: { reasonString: message } }));
  return endTurn(turn, lost);
}

/** Finds the connection that an earlier attempt at CONNECT has opened and not committed. */
async function connectionOfEarlierAttempt(turn: Turn): Promise<ConnectionRecord | undefined> {
  const { ports, deleter, connectionId, events, state, connectFlow, reader } = turn;
  const clientIds = events.map((event) => (event.kind === 'disconnect' ? event.clientId : undefined));
  const clientId = clientIds.find((found) => found !== undefined) ?? state.adminDisconnect?.clientId;
  if (!state.isRedelivered && clientId === undefined) return undefined;
  const { pending } = connectFlow;
  const { ready: frames } = orderFrames(pending.stored, events, reader.frame);
  const context = packetContextOf(turn, ports.now());
  return interruptedConnect({ ports, deleter, connectionId, pending, frames, context, clientId });
}

/**
 * A discarded session ends with its connection, and may hold messages though its client never subscribed. The writes of an earlier
 * attempt are in the record only if its turn was committed.
 */
function asItMayBe({ state }: Turn, connection: ConnectionRecord): ConnectionRecord {
  if (state.isDiscarded) return { ...connection, sessionExpiry: 0, hasState: true };
  return state.isRedelivered ? { ...connection, hasState: true } : connection;
}
