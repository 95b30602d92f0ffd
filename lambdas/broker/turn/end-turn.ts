import { connackCode, type ProtocolError, Reason } from '../../protocol/reason-codes';
import { LoginRefused } from '../connect/authenticate';
import { connack } from '../connect/connack';
import { interruptedConnect } from '../connect/interrupted-connect';
import type { ConnectionRecord } from '../model/connection';
import { logDenials } from '../observability/denied-log';
import { countReceived } from '../observability/metrics';
import { disconnectAbsent } from '../session/admin-disconnect';
import { endConnection } from '../session/end-connection';
import type { Turn } from './assemble-turn';
import { orderFrames } from './frame-order';
import { type EndOutcome, lost } from './outcome';
import { packetContextOf } from './run-effects';
import { sendRetainedMessages } from './send-waiting';

/** Ends the connection of a turn: its will, its session and its record. */
export async function endTurn(turn: Turn, { withWill, reason }: EndOutcome): Promise<void> {
  const { ports, state, dispatch, connectFlow, connectionId, adminDisconnect } = turn;
  const connected = state.connection ?? (await connectionOfEarlierAttempt(turn));
  if (connected) {
    const connection = asItMayBe(turn, connected);
    if (state.permissions) await sendRetainedMessages(turn, connection); // the session, and messages for it, may outlive the connection
    const at = state.lostAt() ?? ports.now();
    await endConnection(turn, connection, { at, withWill: withWill && adminDisconnect?.withWill !== false, reason });
    report(turn, connection);
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
export async function disconnectByAdmin(turn: Turn): Promise<void> {
  const { ports, state, adminDisconnect } = turn;
  if (adminDisconnect && !state.connection) {
    await disconnectAbsent(ports, turn, { ...adminDisconnect, isDiscarded: state.isDiscarded });
  }
}

/** Ends the connection of a client that broke the protocol. The client is told the reason as far as its version has a code for it. */
export async function refuse(turn: Turn, error: ProtocolError): Promise<void> {
  const { ports, state, protocol, responses, connectionId } = turn;
  const { reason, message } = error;
  if (!(error instanceof LoginRefused)) ports.log('protocol error', { connectionId, reason, message });
  if (reason === Reason.messageRateTooHigh) ports.metrics.count('DroppedLimit');
  if (state.connection) return endTurn(turn, { kind: 'end', withWill: true, reason: { reason, text: message } });
  const hasCode = protocol.responseVersion === 5 || connackCode(reason) !== undefined;
  if (hasCode) responses.sendIfItFits(connack(reason, false, { reasonString: message }));
  return endTurn(turn, lost);
}

/** Logs and counts what the client did in this turn: at its end, so that a repeated turn reports once. */
export function report({ ports, state }: Turn, connection: ConnectionRecord): void {
  logDenials(ports, connection, state.denied);
  countReceived(ports.metrics, state.published);
}

/** Finds the connection that an earlier attempt at CONNECT has opened and not committed. */
async function connectionOfEarlierAttempt(turn: Turn): Promise<ConnectionRecord | undefined> {
  const { ports, deleter, connectionId, events, state, connectFlow, reader, adminDisconnect } = turn;
  const clientIds = events.map((event) => (event.kind === 'disconnect' ? event.clientId : undefined));
  const clientId = clientIds.find((found) => found !== undefined) ?? adminDisconnect?.clientId;
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
