import { createHash } from 'node:crypto';
import { inParallel, together } from '../../shared/parallel';
import { type MayReceive, mayReceiveOf } from '../delivery/receive-permission';
import { isSessionExpired, leftoverDelay, removeExpiredSession } from '../expiry/expired-session';
import type { IncomingMessage } from '../model/delivery';
import type { Qos2Record } from '../model/queued-message';
import type { SessionItem } from '../model/session';
import type { Subscriber } from '../model/subscription';
import { isSkipped } from '../outbound/congestion';
import type { Ports } from '../ports/ports';
import type { Recipients } from '../topic-index/recipients';
import { removeStaleSubscriptions } from '../topic-index/stale-subscriptions';

/** One share of one filter, and who is in it. */
interface Group {
  /** Stands in for a session where it is remembered who got a message. */
  readonly key: string;
  readonly members: readonly Subscriber[];
}

/** Shares through which one client gets a message at most: each is a delivery of its own. */
const sharesPerClient = 16;

/** Sessions that are over, removed at the same time. */
const parallelHeads = 50;

/** Who of each share gets each message. */
export type Chosen = ReadonlyMap<IncomingMessage, readonly Subscriber[]>;

/**
 * Chooses one member of each share for each message: of those that are online and read, else of those that are online, else of those
 * whose session waits.
 * The id of the message decides, so that messages are spread and a repeated attempt chooses alike; at QoS 2 it
 * is remembered besides, because the members may have changed meanwhile [MQTT-4.8.2-4] [MQTT-4.8.2-5].
 */
export async function chooseMembers(
  ports: Ports,
  arrivals: readonly IncomingMessage[],
  audienceOf: (arrival: IncomingMessage) => Recipients,
): Promise<Chosen> {
  if (arrivals.every((arrival) => audienceOf(arrival).members.length === 0)) return new Map();
  const groupsOf = new Map(arrivals.map((arrival) => [arrival, groups(audienceOf(arrival).members)]));
  const everybody = [...groupsOf.values()].flat().flatMap(({ members }) => members.map(({ clientId }) => clientId));
  const heads = await ports.sessions.readMany([...new Set(everybody)]);
  await forgetGone(ports, [...groupsOf.values()].flat(), heads);
  const [earlier, audible] = await together([earlierChoices(ports, groupsOf), audibleToEach(ports, heads)]);
  const chosen = new Map<IncomingMessage, Subscriber[]>();
  const remembered: Qos2Record[] = [];
  for (const [arrival, shares] of groupsOf) {
    const counts = new Map<string, number>();
    const mayTake = (clientId: string) => (counts.get(clientId) ?? 0) < sharesPerClient;
    for (const group of shares) {
      const known = { heads, audible, now: ports.now(), mayTake };
      const member = earlier.get(`${group.key} ${arrival.id}`) ?? choose(group, arrival, known);
      const found = typeof member === 'string' ? group.members.find(({ clientId }) => clientId === member) : member;
      if (!found) continue;
      counts.set(found.clientId, (counts.get(found.clientId) ?? 0) + 1);
      chosen.set(arrival, [...(chosen.get(arrival) ?? []), found]);
      if (isExactlyOnce(arrival, found)) {
        remembered.push({ session: group.key, id: arrival.id, number: 0, done: false, member: found.clientId });
      }
    }
  }
  if (remembered.length > 0) await ports.inflight.putQos2Records(remembered);
  return chosen;
}

async function audibleToEach(ports: Ports, heads: ReadonlyMap<string, SessionItem>): Promise<Map<string, MayReceive>> {
  const each = [...heads.values()].map(
    async (head): Promise<[string, MayReceive]> => [head.clientId, await mayReceiveOf(ports, head)],
  );
  return new Map(await together(each));
}

async function forgetGone(
  ports: Ports,
  shares: readonly Group[],
  heads: ReadonlyMap<string, SessionItem>,
): Promise<void> {
  const members = new Set(shares.flatMap((group) => group.members));
  const now = ports.now();
  const over = [...heads.values()].filter((head) => isSessionExpired(head, now - leftoverDelay));
  const sessions = new Set(over.map(({ session }) => session));
  const gone = [...members].filter(
    ({ clientId, session }) => heads.get(clientId)?.session !== session || sessions.has(session),
  );
  await together([
    removeStaleSubscriptions(ports, gone),
    inParallel(over, parallelHeads, (head) => removeExpiredSession(ports, head)),
  ]);
}

/** The same for the members of one share. */
export async function chooseAmong(
  ports: Ports,
  arrival: IncomingMessage,
  members: readonly Subscriber[],
): Promise<readonly Subscriber[]> {
  const chosen = await chooseMembers(ports, [arrival], () => ({ everyone: [], members }));
  return chosen.get(arrival) ?? [];
}

function isExactlyOnce({ message }: IncomingMessage, { qos }: Subscriber): boolean {
  return message.qos === 2 && qos === 2;
}

async function earlierChoices(ports: Ports, groupsOf: ReadonlyMap<IncomingMessage, readonly Group[]>) {
  const keys = [...groupsOf].flatMap(([{ attempted, message, id }, shares]) =>
    attempted && message.qos === 2 ? shares.map(({ key }) => ({ session: key, id })) : [],
  );
  const records = keys.length > 0 ? await ports.inflight.qos2Records(keys) : [];
  return new Map(records.map(({ session, id, member }) => [`${session} ${id}`, member]));
}

/** Shares among the rows of a topic; each brings a message to one recipient. */
export function countShares(members: readonly Subscriber[]): number {
  return new Set(members.map(({ filter, share }) => `${share}/${filter}`)).size;
}

function groups(members: readonly Subscriber[]): Group[] {
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

/** What is known of those who might be chosen. */
interface Known {
  readonly heads: ReadonlyMap<string, SessionItem>;
  readonly audible: ReadonlyMap<string, MayReceive>;
  readonly now: number;
  /** Whether a client gets the message through few enough shares so far. */
  readonly mayTake: (clientId: string) => boolean;
}

function choose(
  { members }: Group,
  { id, message: { topic } }: IncomingMessage,
  { heads, audible, now, mayTake }: Known,
): Subscriber | undefined {
  const waiting = members.filter(({ clientId, session }) => {
    const head = heads.get(clientId);
    return (
      head?.session === session &&
      !isSessionExpired(head, now) &&
      mayTake(clientId) &&
      audible.get(clientId)?.(topic) === true
    );
  });
  const online = waiting.filter(({ clientId }) => heads.get(clientId)?.owner !== undefined);
  const reading = online.filter(({ clientId }) => {
    const head = heads.get(clientId);
    return head && !isSkipped(head, now);
  });
  const candidates = [reading, online, waiting].find(({ length }) => length > 0) ?? [];
  return candidates[createHash('sha256').update(id).digest().readUInt32BE() % candidates.length];
}
