import { accountOf } from '../../access/identity';
import { ProtocolError, Reason } from '../../protocol/reason-codes';
import type { ConnectionRecord } from '../model/connection';
import type { Ports } from '../ports/ports';

export type CountedClient = Pick<ConnectionRecord, 'identity' | 'clientId' | 'connectionId'>;

/**
 * A user may have only so many clients connected at a time. Each takes a seat before it comes in, and gives it back when it turns
 * out that there was none left; so however many come at once, never too many stay. A client that comes back takes its own.
 *
 * @returns whether seats are counted for this user.
 * @throws ProtocolError when all are taken.
 */
export async function acquireConnection(ports: Ports, sitting: CountedClient): Promise<boolean> {
  const { identity, clientId, connectionId } = sitting;
  const limit = ports.access.connectionLimit(identity);
  if (limit === undefined || identity.kind === 'anonymous') return false;
  const taken = await ports.connectionLimiter.acquire(
    { account: accountOf(identity), clientId, connectionId },
    ports.now(),
  );
  if (taken <= limit) return true;
  await releaseConnection(ports, sitting);
  const { username = '' } = identity;
  ports.log('limit', { limit: 'connections of a user', username, clientId, allowed: limit });
  throw new ProtocolError(Reason.quotaExceeded, `more than ${limit} connections of one user`);
}

export function releaseConnection(ports: Ports, { identity, clientId, connectionId }: CountedClient): Promise<void> {
  return ports.connectionLimiter.release({ account: accountOf(identity), clientId, connectionId });
}
