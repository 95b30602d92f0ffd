import { ProtocolError, Reason } from '../../protocol/reason-codes';
import type { Settings } from '../../settings';
import type { ConnectionRecord } from '../model/connection';
import type { Ports } from '../ports/ports';

/**
 * Counts a QoS 2 message that the client has sent and not released. The count spans the connections of its session. A packet id that
 * is sent again counts once.
 *
 * @throws ProtocolError 0x93 for more than `maxUnreleased` messages [MQTT-3.3.4-7]. MQTT 3.1.1 has no such limit; its connection is
 * closed too.
 */
export async function holdPacketId(
  ports: Ports,
  connection: ConnectionRecord,
  { packetId, maxUnreleased }: Pick<Settings, 'maxUnreleased'> & { readonly packetId: number },
): Promise<ConnectionRecord> {
  const known = await unreleasedOf(ports, connection);
  const unreleased = new Set(known).add(packetId);
  if (unreleased.size <= maxUnreleased) return { ...connection, hasState: true, unreleased };
  const { clientId, identity } = connection;
  const { username = '' } = identity;
  ports.log('limit', { limit: 'unreleased messages', username, clientId, allowed: maxUnreleased });
  ports.metrics.count('LimitsReached');
  throw new ProtocolError(Reason.receiveMaximumExceeded, `more than ${maxUnreleased} messages at a time`);
}

/** Counts a PUBREL. A packet id without a message releases nothing. */
export async function releasePacketId(
  ports: Ports,
  connection: ConnectionRecord,
  packetId: number,
): Promise<ConnectionRecord> {
  const known = await unreleasedOf(ports, connection);
  if (!known.has(packetId)) return connection.unreleased ? connection : { ...connection, unreleased: known }; // read once
  const unreleased = new Set(known);
  unreleased.delete(packetId);
  return { ...connection, unreleased };
}

/** Reads the packet ids that earlier connections of the session have left, when they first matter. */
async function unreleasedOf(ports: Ports, { unreleased, session }: ConnectionRecord): Promise<ReadonlySet<number>> {
  return unreleased ?? new Set(await ports.inflight.unreleased(session));
}

/** Stores the unreleased packet ids of this connection for the next connection of the session. */
export async function keepUnreleased(ports: Ports, { unreleased, session, fence }: ConnectionRecord): Promise<void> {
  if (!unreleased) return; // unchanged
  const isFirst = session === fence;
  if (!isFirst || unreleased.size > 0) await ports.inflight.keepUnreleased(session, [...unreleased]);
}
