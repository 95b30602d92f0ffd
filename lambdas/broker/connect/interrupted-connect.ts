import type { Identity } from '../../access/identity';
import { decode } from '../../protocol/codec/decode';
import { type ConnectRequest, sessionForever } from '../../protocol/effects';
import { handlePacket, type Surroundings } from '../../protocol/handle-packet';
import { splitPackets } from '../../protocol/packet-splitter';
import type { ConnectPacket } from '../../protocol/packets';
import { ProtocolError } from '../../protocol/reason-codes';
import type { ConnectionRecord } from '../model/connection';
import type { ReadyFrame } from '../model/connection-event';
import { connectionOf, fenceOf, timeOf } from '../model/fence';
import type { Ports } from '../ports/ports';
import { recordOf } from '../session/claim-session';
import type { SessionDeleter } from '../session/delete-session';
import type { PendingConnect } from './pending-connect';

/** What the end of a connection without a record needs of a turn. */
interface RepeatedTurn {
  readonly ports: Ports;
  readonly deleter: SessionDeleter;
  readonly connectionId: string;
  readonly pending: PendingConnect;
  readonly frames: readonly ReadyFrame[];
  readonly surroundings: Surroundings;
  /** Whose session the connection owns, as somebody has seen. */
  readonly clientId: string | undefined;
}

/**
 * The connection as an earlier attempt at its CONNECT has let it in, which died before it was on record. Undefined when none has:
 * then what such an attempt may have left behind is removed. When even the last attempt at CONNECT has died, the connection is made of
 * the session that it owns.
 */
export async function interruptedConnect(turn: RepeatedTurn): Promise<ConnectionRecord | undefined> {
  const { ports, deleter, connectionId } = turn;
  const request = requestIn(turn);
  const connectedAt = turn.pending.stored?.takeover?.connectedAt ?? turn.frames[0]?.connectedAt;
  if (!request || connectedAt === undefined) return ownerOf(turn);
  const { clientId, will } = request;
  const fence = fenceOf(connectedAt, connectionId);
  const head = await ports.sessions.read(clientId);
  if (head && connectionOf(head.fence) === connectionId) {
    const { identity, session } = head;
    const newcomer = {
      connectionId,
      connectedAt,
      identity,
      isCounted: countsConnections(ports, identity),
      receivedAt: ports.now(),
    };
    const counted = head.quota !== undefined && { quota: head.quota };
    return { ...recordOf(request, newcomer, head.fence, session), hasState: true, ...counted };
  }
  if (will) await ports.sessions.removeWill(clientId, connectionId);
  if (head?.session !== fence) await deleter.delete(clientId, fence); // it has ended, and its rows are still there
  return undefined;
}

async function ownerOf({ ports, connectionId, clientId }: RepeatedTurn): Promise<ConnectionRecord | undefined> {
  const head = clientId === undefined ? undefined : await ports.sessions.read(clientId);
  if (head?.owner !== connectionId) return undefined;
  const { fence, session, version, capabilities, identity, persistent } = head;
  const sessionExpiry = persistent ? (head.sessionExpiry ?? sessionForever) : 0;
  const request = { clientId: head.clientId, version, capabilities, sessionExpiry, keepAlive: 0, cleanStart: false };
  const isCounted = countsConnections(ports, identity);
  const newcomer = { connectionId, connectedAt: timeOf(fence), identity, isCounted, receivedAt: timeOf(fence) };
  return { ...recordOf(request, newcomer, fence, session), hasState: true, hasWill: true };
}

function countsConnections({ access }: Ports, identity: Identity): boolean {
  return identity.kind !== 'anonymous' && access.connectionLimit(identity) !== undefined;
}

/** What the CONNECT of the connection asks for; undefined when none has come, or none that anybody could have let in. */
function requestIn({ pending, frames, surroundings }: RepeatedTurn): ConnectRequest | undefined {
  try {
    const packet = connectIn(pending, frames);
    const [effect] = packet ? handlePacket(packet, undefined, { ...surroundings, pending: undefined }) : [];
    return effect?.do === 'connect' ? effect.request : undefined;
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

function connectIn(pending: PendingConnect, frames: readonly ReadyFrame[]): ConnectPacket | undefined {
  if (pending.hasConnect) return pending.connectPacket();
  const stream = Buffer.concat([pending.stored?.tail ?? Buffer.alloc(0), ...frames.map(({ bytes }) => bytes)]);
  const [first] = splitPackets(Buffer.alloc(0), stream).packets;
  const packet = first && decode(first, undefined);
  return packet?.cmd === 'connect' ? packet : undefined;
}
