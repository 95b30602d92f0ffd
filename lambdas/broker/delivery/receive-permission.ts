import type { SessionItem } from '../model/session';
import type { Ports } from '../ports/ports';

/** Whether a message of this topic may be heard. */
export type MayReceive = (topic: string) => boolean;

/** What the owner of a session may hear, or its last owner while the client is away. */
export async function mayReceiveOf(
  { access }: Pick<Ports, 'access'>,
  { identity, clientId }: Pick<SessionItem, 'identity' | 'clientId'>,
): Promise<MayReceive> {
  const permissions = access.cachedPermissions(identity, clientId) ?? (await access.permissions(identity, clientId));
  return (topic) => permissions !== 'revoked' && permissions.mayReceive(topic);
}
