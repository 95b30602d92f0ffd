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

/** The session that a CONNECT has claimed. */
export interface ClaimedSession {
  readonly connection: ConnectionRecord;
  /** [v3 MQTT-3.2.2-2] [v3 MQTT-3.2.2-3] */
  readonly sessionPresent: boolean;
  /** Identity of another account, whose session was discarded for this one. */
  readonly discarded?: Identity;
}

/**
 * `superseded`: a newer connection of the same client id was first, or waits already. `foreign`: the session belongs to another
 * account, which keeps it. `full`: the account has as many sessions as it may have. `uncertain`: an earlier attempt has claimed the
 * session, and nobody knows whether its CONNACK arrived. `awaits`: another connection of the client id has to end first, and then
 * wakes this one.
 */
export type ClaimResult =
  | ClaimedSession
  | 'superseded'
  | 'foreign'
  | 'full'
  | { readonly uncertain: ConnectionRecord }
  | Awaits;

/** A CONNECT that is registered as successor of the connection that has the session. */
export interface Awaits {
  /** Session item when the successor was registered. */
  readonly awaits: SessionItem;
  /** Seconds that the successor waits at most. */
  readonly seconds: number;
  /** Identity of the owner if it is another account, whose session will be discarded. */
  readonly discarded?: Identity;
}

/** An authenticated client that connects. */
export interface ConnectingClient {
  readonly connectionId: string;
  /** Time at which API Gateway accepted the connection, milliseconds since 1970. */
  readonly connectedAt: number;
  readonly identity: Identity;
  /** True if it is counted among the connections of its user. */
  readonly isCounted: boolean;
  /** Time at which its CONNECT reached the gateway, milliseconds since 1970. */
  readonly receivedAt: number;
  /** Source address. */
  readonly address?: string;
  /** Absent where sessions are not counted. */
  readonly quota?: SessionQuota;
}

/** Counts a new session that outlives its connection among those of an account. */
export interface SessionQuota {
  readonly account: string;
  /** Returns false if the account has as many sessions as it may have. */
  readonly take: () => Promise<boolean>;
}

/**
 * Finishes an older connection whose own stream did not end it within the takeover timeout. `secondsLeft`: how long its last turn may
 * still be running.
 */
export type Supersede = (
  seen: SessionItem,
  claim: SessionClaim,
) => Promise<'superseded' | { readonly secondsLeft: number }>;

/** Collaborators of a turn that claims a session. */
export interface ClaimingTurn {
  readonly ports: Ports;
  readonly deleter: SessionDeleter;
  /** Absent while the connection still waits for an older one to end. */
  readonly supersede?: Supersede | undefined;
}

/** Claims the session for a connection. Everything that CONNACK promises is durable when it returns. */
export async function claimSession(
  turn: ClaimingTurn,
  request: ConnectRequest,
  client: ConnectingClient,
): Promise<ClaimResult> {
  const { ports, deleter } = turn;
  const { connectionId, connectedAt, identity } = client;
  const fence = fenceOf(connectedAt, connectionId);
  const { clientId, version, capabilities, sessionExpiry, cleanStart } = request;
  const persistent = sessionExpiry > 0;
  const quota = persistent ? client.quota : undefined;
  const counted = quota && { quota: quota.account };
  const isLimited = persistent && sessionExpiry !== sessionForever;
  const claim = {
    ...{ clientId, connectionId, fence, cleanStart, persistent, version, capabilities, identity },
    ...counted,
    ...(isLimited && { sessionExpiry }),
  };
  const fresh = recordOf(request, client, { fence, session: fence });
  const [claimed] = await together([
    claimItem(turn, claim),
    request.will && ports.sessions.putWill(request.clientId, connectionId, request.will),
    startTimer(ports, fresh, connectionDeadline(fresh)),
  ]);
  if (typeof claimed === 'string' || 'awaits' in claimed) return claimed;
  const { older, resumed, claimedBefore } = claimed;
  if (older && older.quota !== claim.quota) await uncountSession(ports, older);
  for (const session of claimed.replaced) await deleter.finish(clientId, session, claimed.former);
  const resuming = ({ session, quota: account }: SessionItem) => ({
    ...recordOf(request, client, { fence: claimed.fence, session }),
    hasState: true,
    ...(account !== undefined && { quota: account }),
  });
  if (claimedBefore) return { uncertain: resuming(claimedBefore) };
  const own = recordOf(request, client, { fence: claimed.fence, session: claimed.fence });
  if (quota && !resumed && !(await quota.take())) {
    await removeSessionItem(ports, deleter, own);
    return 'full';
  }
  const counts = resumed?.subscribed && { subscribed: resumed.subscribed };
  const connection = resumed ? { ...resuming(resumed), ...counts } : { ...own, ...counted };
  const discarded = claimed.discarded ? { discarded: claimed.discarded } : {};
  return { connection, sessionPresent: resumed !== undefined, ...discarded };
}

type Refusal = 'superseded' | 'foreign';

/** A session item that was claimed, and work that its earlier content has left. */
interface Claimed {
  /** Fence of the connection from now on. */
  readonly fence: Fence;
  /** Fence of the last connection of a session that had no owner and was replaced. */
  readonly former?: Fence;
  readonly resumed?: SessionItem;
  /** Identity of the owner of the replaced session if it is another account. */
  readonly discarded?: Identity;
  /** Sessions whose rows are to be removed. */
  readonly replaced: readonly SessionId[];
  /** Item of a session that was replaced. */
  readonly older?: SessionItem;
  /** Item of the session that an earlier attempt at the same CONNECT has claimed. */
  readonly claimedBefore?: SessionItem;
}

/**
 * A clean start replaces an older session [v3 MQTT-3.1.2-6]; else a persistent session is resumed if there is one
 * [v3 MQTT-3.1.2-4]. A clean start that does not have to wait takes one conditional write and no read.
 */
async function claimItem(turn: ClaimingTurn, claim: SessionClaim): Promise<Claimed | Refusal | Awaits> {
  const { ports } = turn;
  if (claim.cleanStart) {
    const result = await ports.sessions.claimFresh(claim);
    if (typeof result === 'object') return replacing(claim, result.old);
  }
  for (;;) {
    const claimed = await claimOver(turn, claim, await ports.sessions.read(claim.clientId));
    if (claimed !== 'changed') return claimed;
  }
}

/** Claims the session as it was just read. */
async function claimOver(
  turn: ClaimingTurn,
  requested: SessionClaim,
  seen: SessionItem | undefined,
): Promise<Claimed | Refusal | Awaits | 'changed'> {
  const { ports } = turn;
  if (!seen) return claimOwn(turn, requested, seen);
  const claim = { ...requested, fence: fenceIn(seen, requested) };
  if (seen.fence === claim.fence) return claimedBefore(seen);
  const isForeign = isOfAnother(seen, claim, ports.now());
  if (!isForeign && seen.successor?.precedence === undefined) {
    return isOlder(claim, seen) ? 'superseded' : claimOwn(turn, claim, seen);
  }
  const right = await rightOf(ports, claim, seen);
  if (right.isRefused) return 'foreign';
  if (isOlder(claim, seen) && !right.isBest) return 'superseded';
  const first = { ...claim, fence: newestFence(seen, claim), ...(isForeign && { precedence: right.own }) };
  if (!isForeign) return claimOwn(turn, first, seen);
  const claimed = await claimOwn(turn, { ...first, cleanStart: true }, seen); // a session never passes to another account
  return claimed === 'changed' ? 'changed' : { ...claimed, discarded: seen.identity };
}

/** Returns the fence of the claiming connection. An earlier attempt may have claimed the session, or waited for it, with a later one. */
function fenceIn({ fence, successor }: SessionItem, claim: SessionClaim): Fence {
  const known = [fence, successor?.fence].find((one) => one !== undefined && connectionOf(one) === claim.connectionId);
  return known ?? claim.fence;
}

/** True if the claim is of an older connection than the session's owner or its successor. */
function isOlder(claim: SessionClaim, { fence, successor }: SessionItem): boolean {
  return fence > claim.fence || (successor?.fence ?? '') > claim.fence;
}

/** Returns the fence of a claim, or one behind those of newer connections that it passes over. */
function newestFence({ fence, successor }: SessionItem, claim: SessionClaim): Fence {
  const latest = [fence, successor?.fence ?? '', claim.fence].sort().at(-1);
  return latest === claim.fence ? claim.fence : fenceOf(timeOf(latest as Fence) + 1, claim.connectionId);
}

/** Claims a session of the client's own account, or replaces one by a session of its own. */
async function claimOwn(
  { ports, deleter, supersede }: ClaimingTurn,
  claim: SessionClaim,
  seen: SessionItem | undefined,
): Promise<Claimed | Awaits | 'changed'> {
  if (seen && hasToEnd(seen, claim)) {
    const superseded = await supersede?.(seen, claim);
    if (superseded !== 'superseded') {
      const seconds = superseded?.secondsLeft ?? takeoverTimeout / 1000;
      return (await ports.sessions.awaitEnd(claim, seen)) === 'changed' ? 'changed' : { awaits: seen, seconds };
    }
  }
  if (seen?.deleting) await deleter.finish(claim.clientId, seen.deleting, seen.former); // the claim may name another session
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
 * True if an older connection has to end first: the connection itself [v3 MQTT-3.1.4-2] [MQTT-3.1.4-3], or its will, which is due
 * before a new session begins and when its delay has passed [MQTT-3.1.3-9].
 */
function hasToEnd({ owner, willAt }: SessionItem, { cleanStart, fence }: SessionClaim): boolean {
  return owner !== undefined || (willAt !== undefined && (cleanStart || willAt <= timeOf(fence)));
}

/** Returns the claim of an earlier attempt at the same CONNECT, and work that it may have left. */
function claimedBefore(item: SessionItem): Claimed {
  const { fence, deleting, former } = item;
  return { fence, ...(former && { former }), replaced: deleting ? [deleting] : [], claimedBefore: item };
}

function replacing({ fence }: SessionClaim, old: SessionItem | undefined): Claimed {
  const former = old && !old.owner ? { former: old.fence } : {};
  const older = old && { older: old };
  return { fence, ...former, ...older, replaced: old ? [old.session] : [] };
}

/** A client id is not a secret: a session and its messages are only for the account that created it. */
function isOfAnother(item: SessionItem, { identity }: SessionClaim, now: number): boolean {
  const exists = item.owner !== undefined || isAlive(item, now);
  return exists && accountOf(item.identity) !== accountOf(identity);
}

/** The right of a claim to a client id that another account has or waits for, see ADR 0030. */
interface ClaimRight {
  /** Precedence of the claim. */
  readonly own: number;
  /** The right of another account is better, or as good and in use. */
  readonly isRefused: boolean;
  /** The right is better than those of all others, so it does not matter which connection came first. */
  readonly isBest: boolean;
}

/**
 * A client that is connected, or waits to be, gives way only to a better right. The session of a client that is away gives way to a
 * right that is as good.
 */
async function rightOf(ports: Ports, { clientId, identity }: SessionClaim, item: SessionItem): Promise<ClaimRight> {
  const isOwn = accountOf(identity) === accountOf(item.identity);
  const [own, other] = await together([
    ports.access.precedence(identity, clientId),
    isOwn ? undefined : ports.access.precedence(item.identity, clientId),
  ]);
  const waiting = item.successor?.precedence ?? other;
  const isKept = other !== undefined && (item.owner === undefined ? other > own : other >= own);
  return {
    own,
    isRefused: isKept || (item.successor !== undefined && waiting !== undefined && waiting > own),
    isBest: own > (other ?? own) && own > (waiting ?? own),
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

/** False for a session that has ended, even if its rows are still there. */
function isAlive({ persistent, expiresAt }: SessionItem, now: number): boolean {
  return persistent && (expiresAt === undefined || expiresAt > now);
}

/** Returns the record of a connection that owns a session. What earlier connections of a resumed session have left is not known yet. */
export function recordOf(
  request: ConnectRequest,
  client: ConnectingClient,
  { fence, session }: { readonly fence: Fence; readonly session: SessionId },
): ConnectionRecord {
  const { connectionId, receivedAt, identity, isCounted, address } = client;
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
