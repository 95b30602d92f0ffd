import { accountOf } from '../../access/identity';
import { ProtocolError, Reason } from '../../protocol/reason-codes';
import type { ConnectionRecord } from '../model/connection';
import type { Ports } from '../ports/ports';

/** A client that is counted among the connections of its user. */
export type CountedClient = Pick<ConnectionRecord, 'identity' | 'clientId' | 'connectionId'>;

/**
 * Counts a client among the connections of its user, where their number is limited. A client is counted before it is connected, and
 * released if there are too many: however many connect at once, never too many stay. A client that returns keeps its place.
 *
 * @returns whether connections of this user are counted.
 * @throws ProtocolError 0x97 if the user has as many connections as it may have.
 */
export async function acquireConnection(ports: Ports, client: CountedClient): Promise<boolean> {
  const { identity, clientId, connectionId } = client;
  const limit = ports.access.connectionLimit(identity);
  if (limit === undefined || identity.kind === 'anonymous') return false;
  const taken = await ports.connectionLimiter.acquire(
    { account: accountOf(identity), clientId, connectionId },
    ports.now(),
  );
  if (taken <= limit) return true;
  await releaseConnection(ports, client);
  const { username = '' } = identity;
  ports.log('limit', { limit: 'connections of a user', username, clientId, allowed: limit });
  throw new ProtocolError(Reason.quotaExceeded, `more than ${limit} connections of one user`);
}

export function releaseConnection(ports: Ports, { identity, clientId, connectionId }: CountedClient): Promise<void> {
  return ports.connectionLimiter.release({ account: accountOf(identity), clientId, connectionId });
}
