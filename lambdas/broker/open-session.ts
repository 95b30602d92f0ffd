import { accountOf, type Identity } from '../access/identity';
import { type ConnectRequest, sessionForever } from '../protocol/effects';
import { expiryOf, startTimer } from './deadline';
import { connectionOf, fenceOf, timeOf } from './fence';
import { together } from './parallel';
import type { Ports } from './ports';
import type { Claim, ConnectionRecord, Fence, SessionHead, SessionId } from './records';
import type { SessionWiper } from './session-wiper';

/**
 * Milliseconds that CONNECT waits for the end of an older connection of its client id. A connection ends within a second or two
 * unless its worker died: then its events come back after the visibility timeout, which is longer than clients wait for CONNACK.
 */
export const takeoverTimeout = 5000;

/** What CONNECT found. */
export interface Opened {
  readonly connection: ConnectionRecord;
  /** [v3 MQTT-3.2.2-2] [v3 MQTT-3.2.2-3] */
  readonly sessionPresent: boolean;
  /** The last connection of an expired session that was replaced. */
  readonly former?: string;
}

/**
 * `late`: a newer connection of the same client id was first, or waits already. `foreign`: the session belongs to another account.
 * `uncertain`: an earlier attempt has claimed the session and nobody knows whether its CONNACK arrived. `awaits`: another
 * connection of the client id has to end first, and wakes this one then.
 */
export type OpenResult = Opened | 'late' | 'foreign' | { readonly uncertain: ConnectionRecord } | Awaits;

/** The head of the session when this connection was registered as its successor, and for how many seconds it waits at most. */
export interface Awaits {
  readonly awaits: SessionHead;
  readonly seconds: number;
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

/**
 * Ends the part of an older connection that its own ordered stream did not come to within the takeover timeout. `secondsLeft`: how
 * long its last turn may still be running.
 */
export type Supersede = (seen: SessionHead, claim: Claim) => Promise<'superseded' | { readonly secondsLeft: number }>;

/**
 * Claims the session for a connection. Everything CONNACK promises is durable when it returns.
 *
 * @param supersede Absent while the connection still waits for an older one to end.
 */
export async function openSession(
  ports: Ports,
  wiper: SessionWiper,
  request: ConnectRequest,
  newcomer: Newcomer,
  supersede?: Supersede,
): Promise<OpenResult> {
  const { connectionId, connectedAt, identity } = newcomer;
  const fence = fenceOf(connectedAt, connectionId);
  const { clientId, version, capabilities, sessionExpiry, cleanStart } = request;
  const persistent = sessionExpiry > 0;
  const lasts = persistent && sessionExpiry !== sessionForever;
  const claim = {
    ...{ clientId, connectionId, fence, cleanStart, persistent, version, capabilities, identity },
    ...(lasts && { sessionExpiry }),
  };
  const fresh = recordOf(request, newcomer, fence, fence);
  const [claimed] = await together([
    claimSession({ ports, wiper }, claim, supersede),
    request.will && ports.sessions.putWill(request.clientId, connectionId, request.will),
    startTimer(ports, fresh, expiryOf(fresh)),
  ]);
  if (claimed === 'late' || claimed === 'foreign' || 'awaits' in claimed) return claimed;
  for (const session of claimed.replaced) await wiper.finish(clientId, session);
  if (claimed.claimedBefore) return { uncertain: { ...fresh, session: claimed.claimedBefore, hasState: true } };
  const connection = claimed.resumed ? { ...fresh, session: claimed.resumed.session, hasState: true } : fresh;
  const former = claimed.former ? { former: connectionOf(claimed.former) } : {};
  return { connection, sessionPresent: claimed.resumed !== undefined, ...former };
}

type Refusal = 'late' | 'foreign';

interface Claimed {
  /** Fence of the last connection of a session that nobody owned and that is no more. */
  readonly former?: Fence;
  readonly resumed?: SessionHead;
  /** Sessions whose rows are to be removed. */
  readonly replaced: readonly SessionId[];
  /** The session that an earlier attempt at the same CONNECT has claimed. */
  readonly claimedBefore?: SessionId;
}

interface ClaimingTurn {
  readonly ports: Ports;
  readonly wiper: SessionWiper;
}

/**
 * A clean start replaces whatever was there [v3 MQTT-3.1.2-6]; otherwise a persistent session is resumed if there is one
 * [v3 MQTT-3.1.2-4]. A clean start that nothing has to end before takes one conditional write and no read.
 */
async function claimSession(
  turn: ClaimingTurn,
  claim: Claim,
  supersede?: Supersede,
): Promise<Claimed | Refusal | Awaits> {
  const { ports } = turn;
  if (claim.cleanStart) {
    const result = await ports.sessions.claimFresh(claim);
    if (typeof result === 'object') return replacing(result.old);
  }
  for (;;) {
    const claimed = await claimOver(turn, claim, await ports.sessions.head(claim.clientId), supersede);
    if (claimed !== 'changed') return claimed;
  }
}

/** Claims the session as it was just read. */
async function claimOver(
  { ports, wiper }: ClaimingTurn,
  claim: Claim,
  seen: SessionHead | undefined,
  supersede: Supersede | undefined,
): Promise<Claimed | Refusal | Awaits | 'changed'> {
  if (seen?.fence === claim.fence) return { replaced: seen.wiping ? [seen.wiping] : [], claimedBefore: seen.session };
  if (seen && (seen.fence > claim.fence || (seen.successor?.fence ?? '') > claim.fence)) return 'late';
  if (seen && isForeign(seen, claim, ports.now())) return 'foreign';
  if (seen && hasToEnd(seen, claim)) {
    const superseded = await supersede?.(seen, claim);
    if (superseded !== 'superseded') {
      const seconds = superseded?.secondsLeft ?? takeoverTimeout / 1000;
      return (await ports.sessions.awaitEnd(claim, seen)) === 'changed' ? 'changed' : { awaits: seen, seconds };
    }
  }
  if (seen?.wiping) await wiper.finish(claim.clientId, seen.wiping); // the claim may name another one
  if (!seen || claim.cleanStart || !isAlive(seen, ports.now())) {
    const result = await ports.sessions.claimFresh(claim, seen ?? 'none');
    return typeof result === 'object' ? replacing(seen) : 'changed';
  }
  await cancelWill(ports, claim, seen);
  const resumed = await ports.sessions.claimResume(claim, seen);
  return resumed === 'changed' ? 'changed' : { resumed, replaced: [] };
}

/**
 * Whether something of an older connection comes before this one: the connection itself [v3 MQTT-3.1.4-2] [MQTT-3.1.4-3], or its
 * will, which is due before a new session begins and when its delay has passed [MQTT-3.1.3-9].
 */
function hasToEnd({ owner, willAt }: SessionHead, { cleanStart, fence }: Claim): boolean {
  return owner !== undefined || (willAt !== undefined && (cleanStart || willAt <= timeOf(fence)));
}

function replacing(old: SessionHead | undefined): Claimed {
  const former = old && !old.owner ? { former: old.fence } : {};
  return { ...former, replaced: old ? [old.session] : [] };
}

/** A client id is not a secret, so a session and the messages in it are only for the account that made it. */
function isForeign(head: SessionHead, { identity }: Claim, now: number): boolean {
  const isThere = head.owner !== undefined || isAlive(head, now);
  return isThere && accountOf(head.identity) !== accountOf(identity);
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

/** The record of a connection that owns this session. */
export function recordOf(request: ConnectRequest, newcomer: Newcomer, fence: Fence, session: string): ConnectionRecord {
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
