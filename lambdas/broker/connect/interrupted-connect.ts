import type { Identity } from '../../access/identity';
import { decode } from '../../protocol/codec/decode';
import { type ConnectRequest, sessionForever } from '../../protocol/effects';
import { handlePacket, type PacketContext } from '../../protocol/handle-packet';
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

/** A turn whose connection ends and has no record. */
interface UnrecordedTurn {
  readonly ports: Ports;
  readonly deleter: SessionDeleter;
  readonly connectionId: string;
  readonly pending: PendingConnect;
  readonly frames: readonly ReadyFrame[];
  readonly context: PacketContext;
  /** Client id of the session that the connection owns, if another turn has seen it. */
  readonly clientId: string | undefined;
}

/**
 * Returns the connection that an earlier attempt at its CONNECT has opened, if that attempt died before it committed the record.
 * Undefined if there is none: then rows that such an attempt may have left are removed. If even the last attempt at CONNECT has
 * died, the connection is restored from the session that it owns.
 */
export async function interruptedConnect(turn: UnrecordedTurn): Promise<ConnectionRecord | undefined> {
  const { ports, deleter, connectionId } = turn;
  const request = requestIn(turn);
  const connectedAt = turn.pending.stored?.takeover?.connectedAt ?? turn.frames[0]?.connectedAt;
  if (!request || connectedAt === undefined) return ownerOf(turn);
  const { clientId, will } = request;
  const fence = fenceOf(connectedAt, connectionId);
  const item = await ports.sessions.read(clientId);
  if (item && connectionOf(item.fence) === connectionId) {
    const { identity, quota } = item;
    const isCounted = countsConnections(ports, identity);
    const client = { connectionId, connectedAt, identity, isCounted, receivedAt: ports.now() };
    return { ...recordOf(request, client, item), hasState: true, ...(quota !== undefined && { quota }) };
  }
  if (will) await ports.sessions.removeWill(clientId, connectionId);
  if (item?.session !== fence) await deleter.delete(clientId, fence); // it has ended, and its rows are still there
  return undefined;
}

/** Restores the connection from the session that it owns. */
async function ownerOf({ ports, connectionId, clientId }: UnrecordedTurn): Promise<ConnectionRecord | undefined> {
  const item = clientId === undefined ? undefined : await ports.sessions.read(clientId);
  if (item?.owner !== connectionId) return undefined;
  const { fence, version, capabilities, identity, persistent } = item;
  const sessionExpiry = persistent ? (item.sessionExpiry ?? sessionForever) : 0;
  const request = { clientId: item.clientId, version, capabilities, sessionExpiry, keepAlive: 0, cleanStart: false };
  const isCounted = countsConnections(ports, identity);
  const client = { connectionId, connectedAt: timeOf(fence), identity, isCounted, receivedAt: timeOf(fence) };
  return { ...recordOf(request, client, item), hasState: true, hasWill: true };
}

function countsConnections({ access }: Ports, identity: Identity): boolean {
  return identity.kind !== 'anonymous' && access.connectionLimit(identity) !== undefined;
}

/** Returns the request of the CONNECT of the connection; undefined if none has come, or an invalid one. */
function requestIn({ pending, frames, context }: UnrecordedTurn): ConnectRequest | undefined {
  try {
    const packet = connectIn(pending, frames);
    const [effect] = packet ? handlePacket(packet, undefined, { ...context, pending: undefined }) : [];
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
