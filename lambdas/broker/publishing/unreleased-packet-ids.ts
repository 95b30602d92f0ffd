import { ProtocolError, Reason } from '../../protocol/reason-codes';
import type { Settings } from '../../settings';
import type { ConnectionRecord } from '../model/connection';
import type { Ports } from '../ports/ports';

/**
 * Counts one more QoS 2 message that the client has sent and not released, also over several connections of its session. A packet id
 * that is sent again counts once.
 *
 * @throws ProtocolError when there are more than `maxUnreleased` [MQTT-3.3.4-9]; MQTT 3.1.1 has no such limit, so it is closed.
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

/** A packet id that nothing was held under releases nothing. */
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

/** What earlier connections of the session have left is read when it first matters. */
async function unreleasedOf(ports: Ports, { unreleased, session }: ConnectionRecord): Promise<ReadonlySet<number>> {
  return unreleased ?? new Set(await ports.inflight.unreleased(session));
}

/** Keeps for the next connection of the session what this one has left. */
export async function keepUnreleased(ports: Ports, { unreleased, session, fence }: ConnectionRecord): Promise<void> {
  if (!unreleased) return; // as it was
  const isFirst = session === fence;
  if (!isFirst || unreleased.size > 0) await ports.inflight.keepUnreleased(session, [...unreleased]);
}
