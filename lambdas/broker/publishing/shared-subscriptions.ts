import { createHash } from 'node:crypto';
import { inParallel, together } from '../../shared/parallel';
import type { SessionItems } from '../delivery/deliverer';
import { type MayReceive, mayReceiveOf } from '../delivery/receive-permission';
import { isSessionExpired, leftoverDelay, removeExpiredSession } from '../expiry/expired-session';
import type { IncomingMessage } from '../model/delivery';
import type { Qos2Record } from '../model/queued-message';
import type { Subscriber } from '../model/subscription';
import { isBackingOff } from '../outbound/congestion';
import type { Ports } from '../ports/ports';
import type { Recipients } from '../topic-index/recipients';
import { removeStaleSubscriptions } from '../topic-index/stale-subscriptions';

/** The members of one share of one filter. */
interface ShareGroup {
  /** Stands for a session in the QoS 2 records that keep the chosen member. */
  readonly key: string;
  readonly members: readonly Subscriber[];
}

/** Shares through which one client gets a message at most: each is a delivery of its own. */
const maxSharesPerClient = 16;

/** Expired sessions removed at the same time. */
const parallelSessions = 50;

/** The members that get each message, one of each share. */
export type ChosenMembers = ReadonlyMap<IncomingMessage, readonly Subscriber[]>;

/** State of the members that a choice depends on. */
interface MemberState {
  readonly sessions: SessionItems;
  readonly mayReceive: ReadonlyMap<string, MayReceive>;
  readonly now: number;
  /** Returns whether a client gets the message through fewer than `maxSharesPerClient` shares so far. */
  readonly hasCapacity: (clientId: string) => boolean;
}

/**
 * Chooses one member of each share for each message: of the connected members that read, else of the connected members, else of those
 * whose session waits. The id of the message decides, so that messages are spread and a repeated attempt chooses the same member. At
 * QoS 2 the choice is also stored, because the members may change meanwhile [MQTT-4.8.2-4] [MQTT-4.8.2-5].
 */
export async function chooseMembers(
  ports: Ports,
  incoming: readonly IncomingMessage[],
  recipientsFor: (incoming: IncomingMessage) => Recipients,
): Promise<ChosenMembers> {
  if (incoming.every((one) => recipientsFor(one).shared.length === 0)) return new Map();
  const groupsOf = new Map(incoming.map((one) => [one, groups(recipientsFor(one).shared)]));
  const allGroups = [...groupsOf.values()].flat();
  const clientIds = new Set(allGroups.flatMap(({ members }) => members.map(({ clientId }) => clientId)));
  const sessions = await ports.sessions.readMany([...clientIds]);
  await removeEnded(ports, allGroups, sessions);
  const [earlier, mayReceive] = await together([earlierChoices(ports, groupsOf), permissionsOf(ports, sessions)]);
  const chosen = new Map<IncomingMessage, readonly Subscriber[]>();
  const records: Qos2Record[] = [];
  for (const [one, shareGroups] of groupsOf) {
    const members: Subscriber[] = [];
    const counts = new Map<string, number>();
    const hasCapacity = (clientId: string) => (counts.get(clientId) ?? 0) < maxSharesPerClient;
    for (const group of shareGroups) {
      const earlierId = earlier.get(`${group.key} ${one.id}`);
      const member =
        earlierId === undefined
          ? choose(group, one, { sessions, mayReceive, now: ports.now(), hasCapacity })
          : group.members.find(({ clientId }) => clientId === earlierId);
      if (!member) continue;
      members.push(member);
      counts.set(member.clientId, (counts.get(member.clientId) ?? 0) + 1);
      if (isExactlyOnce(one, member)) {
        records.push({ session: group.key, id: one.id, number: 0, done: false, member: member.clientId });
      }
    }
    if (members.length > 0) chosen.set(one, members);
  }
  if (records.length > 0) await ports.inflight.putQos2Records(records);
  return chosen;
}

/** Chooses one of the members of one share for a message, as `chooseMembers` does. Returns none or one. */
export async function chooseAmong(
  ports: Ports,
  incoming: IncomingMessage,
  members: readonly Subscriber[],
): Promise<readonly Subscriber[]> {
  const chosen = await chooseMembers(ports, [incoming], () => ({ nonShared: [], shared: members }));
  return chosen.get(incoming) ?? [];
}

/** Counts the shares among the rows of a topic; each brings a message to one recipient. */
export function countShares(members: readonly Subscriber[]): number {
  return new Set(members.map(({ filter, share }) => `${share}/${filter}`)).size;
}

async function permissionsOf(ports: Ports, sessions: SessionItems): Promise<Map<string, MayReceive>> {
  const each = [...sessions.values()].map(
    async (item): Promise<[string, MayReceive]> => [item.clientId, await mayReceiveOf(ports, item)],
  );
  return new Map(await together(each));
}

/** Removes the rows of members whose sessions have ended, and sessions that have expired. */
async function removeEnded(ports: Ports, shareGroups: readonly ShareGroup[], sessions: SessionItems): Promise<void> {
  const members = new Set(shareGroups.flatMap((group) => group.members));
  const now = ports.now();
  const expired = [...sessions.values()].filter((item) => isSessionExpired(item, now - leftoverDelay));
  const expiredIds = new Set(expired.map(({ session }) => session));
  const ended = [...members].filter(
    ({ clientId, session }) => sessions.get(clientId)?.session !== session || expiredIds.has(session),
  );
  await together([
    removeStaleSubscriptions(ports, ended),
    inParallel(expired, parallelSessions, (item) => removeExpiredSession(ports, item)),
  ]);
}

function isExactlyOnce({ message }: IncomingMessage, { qos }: Subscriber): boolean {
  return message.qos === 2 && qos === 2;
}

/** Returns the client ids that earlier attempts have chosen, by group key and message id. */
async function earlierChoices(ports: Ports, groupsOf: ReadonlyMap<IncomingMessage, readonly ShareGroup[]>) {
  const keys = [...groupsOf].flatMap(([{ attempted, message, id }, shareGroups]) =>
    attempted && message.qos === 2 ? shareGroups.map(({ key }) => ({ session: key, id })) : [],
  );
  const records = keys.length > 0 ? await ports.inflight.qos2Records(keys) : [];
  return new Map(records.map(({ session, id, member }) => [`${session} ${id}`, member]));
}

function groups(members: readonly Subscriber[]): ShareGroup[] {
  const found = new Map<string, Subscriber[]>();
  for (const member of members) {
    const key = keyOf(member);
    found.set(key, [...(found.get(key) ?? []), member]);
  }
  return [...found].map(([key, list]) => ({ key, members: list }));
}

function keyOf({ filter, share }: Subscriber): string {
  return `share#${createHash('sha256').update(`${share}/${filter}`).digest('hex')}`;
}

function choose(
  { members }: ShareGroup,
  { id, message: { topic } }: IncomingMessage,
  { sessions, mayReceive, now, hasCapacity }: MemberState,
): Subscriber | undefined {
  const eligible = members.filter(({ clientId, session }) => {
    const item = sessions.get(clientId);
    return (
      item?.session === session &&
      !isSessionExpired(item, now) &&
      hasCapacity(clientId) &&
      mayReceive.get(clientId)?.(topic) === true
    );
  });
  const connected = eligible.filter(({ clientId }) => sessions.get(clientId)?.owner !== undefined);
  const reading = connected.filter(({ clientId }) => {
    const item = sessions.get(clientId);
    return item && !isBackingOff(item, now);
  });
  const candidates = [reading, connected, eligible].find(({ length }) => length > 0) ?? [];
  return candidates[createHash('sha256').update(id).digest().readUInt32BE() % candidates.length];
}
