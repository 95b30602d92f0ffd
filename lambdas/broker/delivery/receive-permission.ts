import type { SessionItem } from '../model/session';
import type { Ports } from '../ports/ports';

/** Returns whether a client may receive messages of a topic. */
export type MayReceive = (topic: string) => boolean;

/** Returns what the owner of a session may receive, or its last owner while the client is away. */
export async function mayReceiveOf(
  { access }: Pick<Ports, 'access'>,
  { identity, clientId }: Pick<SessionItem, 'identity' | 'clientId'>,
): Promise<MayReceive> {
  const permissions = access.remembered(identity, clientId) ?? (await access.permissions(identity, clientId));
  return (topic) => permissions !== 'revoked' && permissions.mayReceive(topic);
}
