import type { SessionHead } from '../model/session';
import type { Ports } from '../ports/ports';

/** Whether a message of this topic may be heard. */
export type Audible = (topic: string) => boolean;

/** What the owner of a session may hear, or its last owner while the client is away. */
export async function audibleTo(
  { access }: Pick<Ports, 'access'>,
  { identity, clientId }: Pick<SessionHead, 'identity' | 'clientId'>,
): Promise<Audible> {
  const permissions = access.remembered(identity, clientId) ?? (await access.permissions(identity, clientId));
  return (topic) => permissions !== 'revoked' && permissions.mayReceive(topic);
}
