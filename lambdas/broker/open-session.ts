import { accountOf, type Identity } from '../access/identity';
import type { ConnectRequest } from '../protocol/effects';
import { expiryOf, startTimer } from './deadline';
import { connectionOf, fenceOf, timeOf } from './fence';
import type { Ports } from './ports';
import type { Claim, ConnectionRecord, Fence, SessionHead, SessionId } from './records';
import type { SessionWiper } from './session-wiper';

/** What CONNECT found. */
export interface Opened {
  readonly connection: ConnectionRecord;
  /** [v3 MQTT-3.2.2-2] [v3 MQTT-3.2.2-3] */
  readonly sessionPresent: boolean;
  /** The connection that owned the session until now. */
  readonly displaced?: Displaced;
  /** The last connection of a session that was replaced while its client was away. */
  readonly former?: string;
}

/**
 * `late`: a newer connection of the same client id was first. `foreign`: the session belongs to another account. `uncertain`: an
 * earlier attempt has claimed the session and nobody knows whether its CONNACK arrived.
 */
export type OpenResult = Opened | 'late' | 'foreign' | Uncertain;

/** `displaced`: the connection that the earlier attempt took the session from, and perhaps did not end. */
export interface Uncertain {
  readonly uncertain: ConnectionRecord;
  readonly displaced?: string;
}

export interface Newcomer {
  readonly connectionId: string;
  readonly connectedAt: number;
  readonly identity: Identity;
  /** It is counted among the connections of its user. */
  readonly hasSeat: boolean;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
}

/** Claims the session for a connection. Everything CONNACK promises is durable when it returns. */
export async function openSession(
  ports: Ports,
  wiper: SessionWiper,
  request: ConnectRequest,
  newcomer: Newcomer,
): Promise<OpenResult> {
  const { connectionId, connectedAt, identity } = newcomer;
  const fence = fenceOf(connectedAt, connectionId);
  const { clientId, version, capabilities, sessionExpiry } = request;
  const claim = { clientId, connectionId, fence, persistent: sessionExpiry > 0, version, capabilities, identity };
  const fresh = recordOf(request, newcomer, fence, fence);
  const [claimed] = await Promise.all([
    request.cleanStart ? claimFresh(ports, claim) : claimPersistent(ports, claim),
    request.will && ports.sessions.putWill(request.clientId, connectionId, request.will),
    startTimer(ports, fresh, expiryOf(fresh)),
  ]);
  if (claimed === 'late' || claimed === 'foreign') return claimed;
  for (const session of claimed.replaced) {
    await wiper.wipe(clientId, session);
    await ports.sessions.wiped(clientId, session);
  }
  if (claimed.again) return { uncertain: fresh, ...claimed.again };
  const connection = claimed.resumed ? { ...fresh, session: claimed.resumed.session, hasState: true } : fresh;
  const { owned } = claimed;
  const displaced = owned && owned.owner !== connectionId ? { displaced: owned } : {};
  const former = claimed.former ? { former: connectionOf(claimed.former) } : {};
  return { connection, sessionPresent: claimed.resumed !== undefined, ...displaced, ...former };
}

/** A connection that owned a session, and the head that said so. */
export interface Displaced {
  readonly owner: string;
  readonly head: SessionHead;
}

type Refusal = 'late' | 'foreign';

interface Claimed {
  /** Who owned the session before. */
  readonly owned?: Displaced;
  /** Fence of the last connection of a session that nobody owned and that is no more. */
  readonly former?: Fence;
  readonly resumed?: SessionHead;
  /** Sessions whose rows are to be removed: the one before, and one whose removal was not finished. */
  readonly replaced: readonly SessionId[];
  /** An earlier attempt of the same CONNECT was here. */
  readonly again?: Pick<Uncertain, 'displaced'>;
}

/** A clean session replaces whatever was there [v3 MQTT-3.1.2-6]. */
async function claimFresh(ports: Ports, claim: Claim): Promise<Claimed | Refusal> {
  for (let over: SessionHead | undefined; ; ) {
    const result = await ports.sessions.claimFresh(claim, over);
    if (typeof result === 'object') {
      return { ...ownerOf(result.old), ...formerOf(result.old), replaced: sessionsOf(result.old) };
    }
    const head = await ports.sessions.head(claim.clientId);
    if (head?.fence === claim.fence) return handledBefore(head);
    if (head && head.fence > claim.fence) return 'late';
    if (head && isForeign(head, claim, ports.now())) return 'foreign';
    over = head; // of another account, but it has ended; or gone by now
  }
}

/** A client id is not a secret, so a session and the messages in it are only for the account that made it. */
function isForeign(head: SessionHead, { identity }: Claim, now: number): boolean {
  const isThere = head.owner !== undefined || isAlive(head, now);
  return isThere && accountOf(head.identity) !== accountOf(identity);
}

function handledBefore({ wiping, displaced }: SessionHead): Claimed {
  return { replaced: wiping ? [wiping] : [], again: displaced ? { displaced } : {} };
}

function ownerOf(head: SessionHead | undefined): { owned?: Displaced } {
  return head?.owner ? { owned: { owner: head.owner, head } } : {};
}

function formerOf(head: SessionHead | undefined): { former?: Fence } {
  return head && !head.owner ? { former: head.fence } : {};
}

function sessionsOf(head: SessionHead | undefined): SessionId[] {
  return [head?.session, head?.wiping].filter((session) => session !== undefined);
}

/**
 * A client that returns within the delay of its will cancels it [MQTT-3.1.3-9]. Before the claim, because afterwards nobody would
 * know that it was in time.
 */
async function cancelWill(
  ports: Ports,
  { clientId, fence }: Claim,
  { willAt, fence: former }: SessionHead,
): Promise<void> {
  if (willAt !== undefined && timeOf(fence) < willAt) await ports.sessions.removeWill(clientId, connectionOf(former));
}

/** A session of a client that is away may have ended, whether its end was dealt with or not. */
function isAlive({ persistent, expiresAt }: SessionHead, now: number): boolean {
  return persistent && (expiresAt === undefined || expiresAt > now);
}

/** A persistent session is resumed when there is one [v3 MQTT-3.1.2-4], otherwise it begins. */
async function claimPersistent(ports: Ports, claim: Claim): Promise<Claimed | Refusal> {
  for (;;) {
    const seen = await ports.sessions.head(claim.clientId);
    if (seen && seen.fence > claim.fence) return 'late';
    if (seen?.fence === claim.fence) return handledBefore(seen);
    if (seen && isForeign(seen, claim, ports.now())) return 'foreign';
    if (seen && isAlive(seen, ports.now())) {
      await cancelWill(ports, claim, seen);
      const resumed = await ports.sessions.claimResume(claim, seen);
      if (resumed !== 'changed') return { ...ownerOf(seen), resumed, replaced: seen.wiping ? [seen.wiping] : [] };
    } else {
      const result = await ports.sessions.claimFresh(claim, seen ?? 'none');
      if (typeof result === 'object') return { ...ownerOf(seen), ...formerOf(seen), replaced: sessionsOf(seen) };
    }
  }
}

function recordOf(request: ConnectRequest, newcomer: Newcomer, fence: Fence, session: string): ConnectionRecord {
  const { connectionId, receivedAt, identity, hasSeat } = newcomer;
  const { clientId, version, sessionExpiry, capabilities, keepAlive } = request;
  return {
    connectionId,
    clientId,
    version,
    sessionExpiry,
    capabilities,
    session,
    fence,
    keepAlive,
    lastSeen: receivedAt,
    lastNumber: 0,
    tail: Buffer.alloc(0),
    early: [],
    hasWill: request.will !== undefined,
    hasState: false,
    aliases: new Map(),
    outgoingAliases: new Map(),
    unreleased: 0,
    identity,
    hasSeat,
    ...(request.authentication && { authentication: { method: request.authentication.method } }),
  };
}
