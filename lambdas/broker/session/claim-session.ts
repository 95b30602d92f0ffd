import { accountOf, type Identity } from '../../access/identity';
import { type ConnectRequest, sessionForever } from '../../protocol/effects';
import { together } from '../../shared/parallel';
import { connectionDeadline, startTimer } from '../expiry/deadlines';
import type { ConnectionRecord } from '../model/connection';
import { connectionOf, type Fence, fenceOf, type SessionId, timeOf } from '../model/fence';
import type { SessionClaim, SessionItem } from '../model/session';
import type { Ports } from '../ports/ports';
import type { SessionDeleter } from './delete-session';
import { removeSessionItem } from './release-session';
import { uncountSession } from './session-limit';

/**
 * Milliseconds that CONNECT waits for the end of an older connection of its client id. A connection ends within a second or two
 * unless its worker died: then its events come back after the visibility timeout, which is longer than clients wait for CONNACK.
 */
export const takeoverTimeout = 5000;

/** What CONNECT found. */
export interface ClaimedSession {
  readonly connection: ConnectionRecord;
  /** [v3 MQTT-3.2.2-2] [v3 MQTT-3.2.2-3] */
  readonly sessionPresent: boolean;
  /** Owner of the session that was discarded for this one, another account. */
  readonly discarded?: Identity;
}

/**
 * `superseded`: a newer connection of the same client id was first, or waits already. `foreign`: the session belongs to another account
 * and stays with it. `full`: the account has as many sessions as it may have.
 * `uncertain`: an earlier attempt has claimed the session and nobody knows whether its CONNACK arrived. `awaits`: another
 * connection of the client id has to end first, and wakes this one then.
 */
export type ClaimResult =
  | ClaimedSession
  | 'superseded'
  | 'foreign'
  | 'full'
  | { readonly uncertain: ConnectionRecord }
  | Awaits;

/** The head of the session when this connection was registered as its successor, and for how many seconds it waits at most. */
export interface Awaits {
  readonly awaits: SessionItem;
  readonly seconds: number;
  /** Owner of that session when it is another account; the session will be discarded. */
  readonly discarded?: Identity;
}

export interface ConnectingClient {
  readonly connectionId: string;
  readonly connectedAt: number;
  readonly identity: Identity;
  /** It is counted among the connections of its user. */
  readonly isCounted: boolean;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
  readonly address?: string;
  /** Account among whose sessions a new session is counted, and whether that may have one more; absent where sessions are not counted. */
  readonly quota?: SessionQuota;
}

/** Counts a new session that outlives its connection. */
export interface SessionQuota {
  readonly account: string;
  /** False when the account has as many as it may have. */
  readonly take: () => Promise<boolean>;
}

/**
 * Ends the part of an older connection that its own ordered stream did not come to within the takeover timeout. `secondsLeft`: how
 * long its last turn may still be running.
 */
export type Supersede = (
  seen: SessionItem,
  claim: SessionClaim,
) => Promise<'superseded' | { readonly secondsLeft: number }>;

/**
 * Claims the session for a connection. Everything CONNACK promises is durable when it returns.
 *
 * @param supersede Absent while the connection still waits for an older one to end.
 */
export async function claimSession(
  ports: Ports,
  deleter: SessionDeleter,
  request: ConnectRequest,
  newcomer: ConnectingClient,
  supersede?: Supersede,
): Promise<ClaimResult> {
  const { connectionId, connectedAt, identity } = newcomer;
  const fence = fenceOf(connectedAt, connectionId);
  const { clientId, version, capabilities, sessionExpiry, cleanStart } = request;
  const persistent = sessionExpiry > 0;
  const quota = persistent ? newcomer.quota : undefined;
  const counted = quota && { quota: quota.account };
  const lasts = persistent && sessionExpiry !== sessionForever;
  const claim = {
    ...{ clientId, connectionId, fence, cleanStart, persistent, version, capabilities, identity },
    ...counted,
    ...(lasts && { sessionExpiry }),
  };
  const fresh = recordOf(request, newcomer, fence, fence);
  const [claimed] = await together([
    claimItem({ ports, deleter }, claim, supersede),
    request.will && ports.sessions.putWill(request.clientId, connectionId, request.will),
    startTimer(ports, fresh, connectionDeadline(fresh)),
  ]);
  if (typeof claimed === 'string' || 'awaits' in claimed) return claimed;
  const { older, resumed, claimedBefore } = claimed;
  if (older && older.quota !== claim.quota) await uncountSession(ports, older);
  for (const session of claimed.replaced) await deleter.finish(clientId, session, claimed.former);
  const resuming = ({ session, quota: account }: SessionItem) => ({
    ...recordOf(request, newcomer, claimed.fence, session),
    hasState: true,
    ...(account !== undefined && { quota: account }),
  });
  if (claimedBefore) return { uncertain: resuming(claimedBefore) };
  const mine = recordOf(request, newcomer, claimed.fence, claimed.fence);
  if (quota && !resumed && !(await quota.take())) {
    await removeSessionItem(ports, deleter, mine);
    return 'full';
  }
  const counts = resumed?.subscribed && { subscribed: resumed.subscribed };
  const connection = resumed ? { ...resuming(resumed), ...counts } : { ...mine, ...counted };
  const discarded = claimed.discarded ? { discarded: claimed.discarded } : {};
  return { connection, sessionPresent: resumed !== undefined, ...discarded };
}

type Refusal = 'superseded' | 'foreign';

interface Claimed {
  /** Fence of the connection from now on. */
  readonly fence: Fence;
  /** Fence of the last connection of a session that nobody owned and that is no more. */
  readonly former?: Fence;
  readonly resumed?: SessionItem;
  /** Owner of the replaced session when that is another account. */
  readonly discarded?: Identity;
  /** Sessions whose rows are to be removed. */
  readonly replaced: readonly SessionId[];
  /** Head of a session that is no more. */
  readonly older?: SessionItem;
  /** Head of the session that an earlier attempt at the same CONNECT has claimed. */
  readonly claimedBefore?: SessionItem;
}

interface ClaimingTurn {
  readonly ports: Ports;
  readonly deleter: SessionDeleter;
}

/**
 * A clean start replaces whatever was there [v3 MQTT-3.1.2-6]; otherwise a persistent session is resumed if there is one
 * [v3 MQTT-3.1.2-4]. A clean start that nothing has to end before takes one conditional write and no read.
 */
async function claimItem(
  turn: ClaimingTurn,
  claim: SessionClaim,
  supersede?: Supersede,
): Promise<Claimed | Refusal | Awaits> {
  const { ports } = turn;
  if (claim.cleanStart) {
    const result = await ports.sessions.claimFresh(claim);
    if (typeof result === 'object') return replacing(claim, result.old);
  }
  for (;;) {
    const claimed = await claimOver(turn, claim, await ports.sessions.read(claim.clientId), supersede);
    if (claimed !== 'changed') return claimed;
  }
}

/** Claims the session as it was just read. */
async function claimOver(
  turn: ClaimingTurn,
  asked: SessionClaim,
  seen: SessionItem | undefined,
  supersede: Supersede | undefined,
): Promise<Claimed | Refusal | Awaits | 'changed'> {
  const { ports } = turn;
  if (!seen) return claimOwn(turn, asked, seen, supersede);
  const claim = { ...asked, fence: fenceIn(seen, asked) };
  if (seen.fence === claim.fence) return claimedBefore(seen);
  const isForeign = isOfAnother(seen, claim, ports.now());
  if (!isForeign && seen.successor?.precedence === undefined) {
    return isLate(seen, claim) ? 'superseded' : claimOwn(turn, claim, seen, supersede);
  }
  const standing = await standingOf(ports, claim, seen);
  if (standing.isRefused) return 'foreign';
  if (isLate(seen, claim) && !standing.isBest) return 'superseded';
  const first = { ...claim, fence: laterThan(seen, claim), ...(isForeign && { precedence: standing.own }) };
  if (!isForeign) return claimOwn(turn, first, seen, supersede);
  const claimed = await claimOwn(turn, { ...first, cleanStart: true }, seen, supersede); // never handed over
  return claimed === 'changed' ? 'changed' : { ...claimed, discarded: seen.identity };
}

/** The fence of the claiming connection: an earlier attempt may have claimed the session, or waited for it, under a later one. */
function fenceIn({ fence, successor }: SessionItem, claim: SessionClaim): Fence {
  const known = [fence, successor?.fence].find((one) => one !== undefined && connectionOf(one) === claim.connectionId);
  return known ?? claim.fence;
}

function isLate({ fence, successor }: SessionItem, claim: SessionClaim): boolean {
  return fence > claim.fence || (successor?.fence ?? '') > claim.fence;
}

/** The fence of a claim, or one behind those that it passes over. */
function laterThan({ fence, successor }: SessionItem, claim: SessionClaim): Fence {
  const latest = [fence, successor?.fence ?? '', claim.fence].sort().at(-1);
  return latest === claim.fence ? claim.fence : fenceOf(timeOf(latest as Fence) + 1, claim.connectionId);
}

/** The same when the session is the account's own, or is to be replaced by one of its own. */
async function claimOwn(
  { ports, deleter }: ClaimingTurn,
  claim: SessionClaim,
  seen: SessionItem | undefined,
  supersede: Supersede | undefined,
): Promise<Claimed | Awaits | 'changed'> {
  if (seen && hasToEnd(seen, claim)) {
    const superseded = await supersede?.(seen, claim);
    if (superseded !== 'superseded') {
      const seconds = superseded?.secondsLeft ?? takeoverTimeout / 1000;
      return (await ports.sessions.awaitEnd(claim, seen)) === 'changed' ? 'changed' : { awaits: seen, seconds };
    }
  }
  if (seen?.deleting) await deleter.finish(claim.clientId, seen.deleting, seen.former); // the claim may name another one
  if (!seen || claim.cleanStart || !isAlive(seen, ports.now())) {
    const result = await ports.sessions.claimFresh(claim, seen ?? 'none');
    return typeof result === 'object' ? replacing(claim, seen) : 'changed';
  }
  await cancelWill(ports, claim, seen);
  const resumed = await ports.sessions.claimResume(claim, seen);
  if (resumed === 'changed') return 'changed';
  return { fence: claim.fence, resumed, replaced: [] };
}

/**
 * Whether something of an older connection comes before this one: the connection itself [v3 MQTT-3.1.4-2] [MQTT-3.1.4-3], or its
 * will, which is due before a new session begins and when its delay has passed [MQTT-3.1.3-9].
 */
function hasToEnd({ owner, willAt }: SessionItem, { cleanStart, fence }: SessionClaim): boolean {
  return owner !== undefined || (willAt !== undefined && (cleanStart || willAt <= timeOf(fence)));
}

/** What an earlier attempt at the same CONNECT has claimed, and perhaps left to do. */
function claimedBefore(head: SessionItem): Claimed {
  const { fence, deleting, former } = head;
  return { fence, ...(former && { former }), replaced: deleting ? [deleting] : [], claimedBefore: head };
}

function replacing({ fence }: SessionClaim, old: SessionItem | undefined): Claimed {
  const former = old && !old.owner ? { former: old.fence } : {};
  const older = old && { older: old };
  return { fence, ...former, ...older, replaced: old ? [old.session] : [] };
}

/** A client id is not a secret, so a session and the messages in it are only for the account that made it. */
function isOfAnother(head: SessionItem, { identity }: SessionClaim, now: number): boolean {
  const isThere = head.owner !== undefined || isAlive(head, now);
  return isThere && accountOf(head.identity) !== accountOf(identity);
}

/** How a claim stands to others that have the client id or wait for it, when one of them is another account. */
interface Standing {
  /** Precedence of the claim. */
  readonly own: number;
  /** Its right to the client id is not good enough. */
  readonly isRefused: boolean;
  /** Its right is better than that of all others, so it does not matter which connection came first. */
  readonly isBest: boolean;
}

/**
 * A client that is connected, or waits to be, is not disturbed by one whose right to the client id is not better; the session of
 * one that is away gives way to a right that is as good.
 */
async function standingOf(ports: Ports, { clientId, identity }: SessionClaim, head: SessionItem): Promise<Standing> {
  const isOwn = accountOf(identity) === accountOf(head.identity);
  const [own, ofHead] = await together([
    ports.access.precedence(identity, clientId),
    isOwn ? undefined : ports.access.precedence(head.identity, clientId),
  ]);
  const waiting = head.successor?.precedence ?? ofHead;
  const isKept = ofHead !== undefined && (head.owner === undefined ? ofHead > own : ofHead >= own);
  return {
    own,
    isRefused: isKept || (head.successor !== undefined && waiting !== undefined && waiting > own),
    isBest: own > (ofHead ?? own) && own > (waiting ?? own),
  };
}

/**
 * A client that returns within the delay of its will cancels it [MQTT-3.1.3-9]. Before the claim, because afterwards nobody would
 * know that it was in time.
 */
async function cancelWill(
  ports: Ports,
  { clientId, fence }: SessionClaim,
  { willAt, fence: former }: SessionItem,
): Promise<void> {
  if (willAt !== undefined && timeOf(fence) < willAt) await ports.sessions.removeWill(clientId, connectionOf(former));
}

/** A session of a client that is away may have ended, whether its end was dealt with or not. */
function isAlive({ persistent, expiresAt }: SessionItem, now: number): boolean {
  return persistent && (expiresAt === undefined || expiresAt > now);
}

/** The record of a connection that owns this session. Of a resumed one nobody knows yet what its earlier connections have left. */
export function recordOf(
  request: ConnectRequest,
  newcomer: ConnectingClient,
  fence: Fence,
  session: string,
): ConnectionRecord {
  const { connectionId, receivedAt, identity, isCounted, address } = newcomer;
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
    ...(session === fence && { unreleased: new Set<number>(), subscribed: { all: 0, shared: 0 } }),
    identity,
    ...(identity.kind === 'anonymous' && address !== undefined && { address }),
    isCounted,
    ...(request.authentication && { authentication: { method: request.authentication.method } }),
  };
}
