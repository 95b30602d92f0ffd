import type { Identity } from '../../access/identity';
import type { ConnectRequest } from '../../protocol/effects';
import { encodeWithinOrThrow } from '../../protocol/encode-within';
import { handlePacket, type PacketContext } from '../../protocol/handle-packet';
import { maxConnectBytes, maxOutgoingPacketSize } from '../../protocol/limits';
import { packetSize } from '../../protocol/packet-splitter';
import type { ConnackProperties, ConnectPacket, ServerPacket } from '../../protocol/packets';
import type { Permissions } from '../../protocol/permissions';
import { ProtocolError, Reason } from '../../protocol/reason-codes';
import type { Authentication } from '../../protocol/session-view';
import type { Settings } from '../../settings';
import { together } from '../../shared/parallel';
import { connectionDeadline, startTimer } from '../expiry/deadlines';
import type { ConnectionRecord, Takeover } from '../model/connection';
import { type ConnectionEvent, isFrame } from '../model/connection-event';
import { connectionOf } from '../model/fence';
import type { Origin } from '../model/origin';
import { publishLifecycleEvent } from '../observability/lifecycle-events';
import { closeConnection } from '../outbound/close-connection';
import type { Dispatch } from '../outbound/dispatch';
import type { Ports } from '../ports/ports';
import type { Publisher } from '../publishing/publisher';
import {
  type Awaits,
  type ClaimResult,
  claimSession,
  type SessionQuota,
  takeoverTimeout,
} from '../session/claim-session';
import { acquireConnection, type CountedClient, releaseConnection } from '../session/connection-limit';
import type { SessionDeleter } from '../session/delete-session';
import { countSession, quotaOf } from '../session/session-limit';
import {
  type Authenticated,
  authenticate,
  authorizeConnect,
  type Challenged,
  continueAuthentication,
  type LoginAttempt,
  type LoginPeer,
  reauthenticate,
  refusal,
} from './authenticate';
import type { ClientProtocol } from './client-protocol';
import { connack } from './connack';
import type { PendingConnect } from './pending-connect';
import { takeoverAfterTimeout } from './takeover';

/** Reason codes of claims that fail, and their causes for the log. */
const refusals = {
  foreign: { reason: Reason.clientIdentifierNotValid, why: 'the client id belongs to another account' },
  full: { reason: Reason.quotaExceeded, why: 'too many sessions of one user' },
} as const;

/** Collaborators of a turn that a CONNECT needs. */
export interface ConnectTurn {
  readonly ports: Ports;
  readonly settings: Pick<Settings, 'maxSessionsPerUser'>;
  readonly deleter: SessionDeleter;
  readonly publisher: Publisher;
  readonly dispatch: Dispatch;
  readonly protocol: ClientProtocol;
  readonly connectionId: string;
  readonly events: readonly ConnectionEvent[];
  /** @throws ProtocolError when the client does not take a packet that large [MQTT-3.1.2-24]. */
  readonly send: (packet: ServerPacket) => void;
}

/** A connected client. */
export interface Connected {
  readonly connection: ConnectionRecord;
  readonly permissions: Permissions;
  readonly sessionPresent: boolean;
}

/**
 * `pending`: the client has to answer a challenge first, or to wait until another connection of its client id has ended.
 * `superseded`: a newer connection of the same client id was faster. `uncertain`: an earlier attempt has connected the client, and
 * nobody knows what it has received.
 */
export type ConnectResult = Connected | 'pending' | 'superseded' | { readonly uncertain: ConnectionRecord };

/** Source and times of a connection. */
interface Source extends Pick<Takeover, 'connectedAt' | 'address' | 'since'> {
  /** Since when the connection counts as active, milliseconds since 1970. */
  readonly receivedAt: number;
}

/** Connects a client: authentication, takeover, session, CONNACK. Later it handles AUTH of the connected client. */
export class ConnectFlow {
  constructor(
    private readonly turn: ConnectTurn,
    /** The CONNECT that was stored in an earlier turn, or is read in this one. */
    readonly pending: PendingConnect,
  ) {}

  /** True while an authenticated CONNECT waits until another connection of its client id has ended. */
  get isWaiting(): boolean {
    return this.pending.takeover !== undefined;
  }

  /** The authentication exchange that goes on; undefined where none does. */
  get authentication(): Authentication | undefined {
    return this.pending.authentication;
  }

  /** Keeps a decoded CONNECT until its client is connected, and reads its protocol version. */
  noteConnect(packet: ConnectPacket, bytes: Buffer): void {
    this.pending.connect = { packet, bytes };
    this.turn.protocol.readConnect(packet);
  }

  /** Handles CONNECT. */
  async connect(request: ConnectRequest, origin: Origin): Promise<ConnectResult> {
    const attempt = { request, peer: this.peer(request, origin.receivedAt) };
    const result = await authenticate(this.turn.ports, attempt, this.pending.stored?.proved);
    return this.enter(attempt, result, this.sourceOf(origin));
  }

  /** Handles AUTH before CONNACK. */
  async continueAuthentication(
    data: Buffer | undefined,
    origin: Origin,
    context: PacketContext,
  ): Promise<ConnectResult> {
    refuseRepetition(origin);
    const request = this.pendingRequest(context);
    const attempt = { request, peer: this.peer(request, origin.receivedAt) };
    const result = await continueAuthentication(this.turn.ports, attempt, { state: this.pending.state, data });
    return this.enter(attempt, result, this.sourceOf(origin));
  }

  /** Continues a CONNECT that waited, when the other connection has ended or the takeover timeout has passed. */
  async continueTakeover(takeover: Takeover, context: PacketContext): Promise<ConnectResult> {
    const { ports } = this.turn;
    this.noteConnect(this.pending.connectPacket(), takeover.connect);
    this.pending.takeover = undefined;
    const request = this.pendingRequest(context);
    const attempt = { request, peer: { ...this.peer(request, ports.now()), address: takeover.address } };
    const { data } = takeover;
    const authorized = await authorizeConnect(ports, attempt, takeover.identity);
    return this.open(attempt, { ...authorized, ...(data && { data }) }, { ...takeover, receivedAt: ports.now() });
  }

  /** Handles AUTH of a connected client. */
  async reauthenticate(
    connection: ConnectionRecord,
    data: Buffer | undefined,
    origin: Origin,
  ): Promise<Omit<Connected, 'sessionPresent'> | { readonly connection: ConnectionRecord }> {
    refuseRepetition(origin);
    const { ports } = this.turn;
    const { clientId, fence, authentication } = connection;
    const method = authentication?.method ?? '';
    const peer = this.peer(connection, origin.receivedAt);
    const result = await reauthenticate(ports, { connection, peer, data });
    if ('state' in result) {
      this.sendAuth(Reason.continueAuthentication, method, result.data);
      return { connection: { ...connection, authentication: { method, state: result.state } } };
    }
    const { identity, permissions } = result;
    await ports.sessions.updateIdentity(clientId, fence, identity);
    const identified = { ...connection, identity, authentication: { method } };
    await startTimer(ports, identified, connectionDeadline(identified));
    this.sendAuth(Reason.success, method, result.data);
    return { connection: identified, permissions };
  }

  private enter(
    attempt: LoginAttempt,
    result: Authenticated | Challenged,
    source: Source,
  ): Promise<ConnectResult> | ConnectResult {
    if ('identity' in result) return this.open(attempt, result, source);
    this.pending.challenged(result.state);
    this.sendAuth(Reason.continueAuthentication, attempt.request.authentication?.method, result.data);
    return 'pending';
  }

  /** Claims the session for an authenticated client and sends CONNACK, or waits for another connection. */
  private async open(attempt: LoginAttempt, client: Authenticated, source: Source): Promise<ConnectResult> {
    const { request, peer } = attempt;
    const { identity, permissions, data } = client;
    const { ports, connectionId } = this.turn;
    const { connectedAt, address, since } = source;
    const properties = connackProperties(request, data);
    const counted = { identity, clientId: request.clientId, connectionId };
    const isCounted = await acquireConnection(ports, counted);
    const claimed = await this.claim(attempt, { ...counted, isCounted }, source);
    if (typeof claimed === 'string') {
      if (isCounted) await releaseConnection(ports, counted);
      if (request.will) await ports.sessions.removeWill(request.clientId, connectionId);
      if (claimed === 'superseded') return 'superseded';
      throw refusal(ports, peer, { ...refusals[claimed], username: identity.username ?? '' });
    }
    if ('uncertain' in claimed) return claimed;
    if (claimed.discarded) await this.reportReplaced(counted, claimed.discarded);
    if ('awaits' in claimed) {
      await this.awaitEnd(request, claimed);
      if (isCounted) await releaseConnection(ports, counted); // it is counted again when it connects
      this.pending.awaitEnd({ connectedAt, address, since, identity, ...(data && { data }) });
      return 'pending';
    }
    const { connection, sessionPresent } = claimed;
    await this.reportConnected(connection, { sessionPresent, address });
    this.turn.send(connack(Reason.success, { sessionPresent, properties }));
    return { connection, permissions, sessionPresent };
  }

  private claim(
    { request }: LoginAttempt,
    counted: CountedClient & { readonly isCounted: boolean },
    { connectedAt, address, since, receivedAt }: Source,
  ): Promise<ClaimResult> {
    const { ports, deleter } = this.turn;
    const isOverdue = ports.now() >= since + takeoverTimeout;
    const supersede = isOverdue ? takeoverAfterTimeout(this.turn, since) : undefined;
    const quota = this.quotaFor(counted, address);
    const client = { ...counted, connectedAt, receivedAt, address, ...(quota && { quota }) };
    return claimSession({ ports, deleter, supersede }, request, client);
  }

  private quotaFor({ identity, clientId }: CountedClient, address: string): SessionQuota | undefined {
    const { ports, settings } = this.turn;
    const { maxSessionsPerUser } = settings;
    if (maxSessionsPerUser === 0) return undefined;
    const account = quotaOf(identity, address);
    return { account, take: () => countSession(ports, { quota: account, clientId }, maxSessionsPerUser) };
  }

  /**
   * Ends the connection that owns the session [v3 MQTT-3.1.4-2] [MQTT-3.1.4-3], and one that waited for it before; or lets the will of
   * the last owner be published. If a call of these is lost, a timer wakes this connection.
   */
  private async awaitEnd({ clientId, will }: ConnectRequest, { awaits: item, seconds }: Awaits): Promise<void> {
    const { ports, connectionId } = this.turn;
    const { owner, fence, successor } = item;
    const former = successor && connectionOf(successor.fence);
    const reason = Reason.sessionTakenOver;
    await together([
      owner ? closeConnection(ports, owner, { reason, client: item }) : ports.packets.expire(connectionOf(fence)),
      former !== undefined && former !== connectionId && closeConnection(ports, former, { reason }),
      will && ports.sessions.removeWill(clientId, connectionId), // until the session is claimed
      ports.timers.scheduleWake(connectionId, seconds),
    ]);
    if (owner) ports.log('taken over', { connectionId, clientId, displaced: owner });
  }

  private async reportConnected(
    connection: ConnectionRecord,
    { sessionPresent, address }: { readonly sessionPresent: boolean; readonly address: string },
  ): Promise<void> {
    const { ports } = this.turn;
    const { connectionId, clientId, version, identity } = connection;
    const { kind, username = '' } = identity;
    ports.log('connected', { connectionId, clientId, username, kind, address, version, sessionPresent });
    ports.metrics.count('ConnectionsOpened');
    await publishLifecycleEvent(ports, connection, { type: 'connected', detail: { sessionPresent, version } });
  }

  /** Reports a replaced session once: for a client that had to wait, when it began to. */
  private async reportReplaced(client: CountedClient, former: Identity): Promise<void> {
    if (this.pending.stored?.takeover) return;
    const { ports } = this.turn;
    const { clientId, connectionId, identity } = client;
    const { kind, username = '' } = identity;
    const detail = { formerUsername: former.username ?? '', formerKind: former.kind };
    ports.log('session replaced', { connectionId, clientId, username, kind, ...detail });
    ports.metrics.count('ReplacedSessions');
    await publishLifecycleEvent(ports, client, { type: 'session replaced', detail });
  }

  private sourceOf({ connectedAt, receivedAt }: Origin): Source {
    return { connectedAt, address: this.address(), since: this.turn.ports.now(), receivedAt };
  }

  private address(): string {
    return this.turn.events.find(isFrame)?.address ?? '';
  }

  /** Returns the request of the CONNECT that was stored. */
  private pendingRequest(context: PacketContext): ConnectRequest {
    const [effect] = handlePacket(this.pending.connectPacket(), undefined, { ...context, pending: undefined });
    if (effect?.do !== 'connect') throw new Error('the stored CONNECT connects nothing');
    return effect.request;
  }

  private sendAuth(reasonCode: number, method: string | undefined, data: Buffer | undefined): void {
    this.turn.send({ cmd: 'auth', reasonCode, properties: authenticationProperties(method, data) });
  }

  private peer({ clientId }: { readonly clientId: string }, receivedAt: number): LoginPeer {
    return { connectionId: this.turn.connectionId, clientId, address: this.address(), now: receivedAt };
  }
}

/** An earlier attempt at this event may have sent another challenge, which the client has answered. */
function refuseRepetition({ redelivered }: Origin): void {
  if (redelivered) throw new ProtocolError(Reason.unspecifiedError, 'the exchange was interrupted');
}

/**
 * Limits what is stored for a client that is not connected. `stream` begins with the first packet that is not handled yet.
 *
 * @throws ProtocolError for a packet that is larger than `maxConnectBytes`.
 */
export function checkConnectSize(stream: Buffer): void {
  const size = packetSize(stream, 0);
  if (typeof size !== 'number' || size <= maxConnectBytes) return;
  throw new ProtocolError(
    Reason.packetTooLarge,
    `packet before CONNACK has ${size} bytes, more than ${maxConnectBytes}`,
  );
}

/**
 * Returns the properties of CONNACK.
 *
 * @throws ProtocolError if the client does not take a CONNACK that large: before it owns a session.
 */
function connackProperties(request: ConnectRequest, data: Buffer | undefined): ConnackProperties | undefined {
  const { version, capabilities, authentication } = request;
  const properties = request.connackProperties && {
    ...request.connackProperties,
    ...authenticationProperties(authentication?.method, data),
  };
  const largest = connack(Reason.success, { sessionPresent: true, properties });
  encodeWithinOrThrow(largest, version, maxOutgoingPacketSize(capabilities));
  return properties;
}

/** Properties of a packet that ends or continues an authentication [MQTT-4.12.0-5]. */
function authenticationProperties(method: string | undefined, data: Buffer | undefined) {
  if (method === undefined) return {};
  return { authenticationMethod: method, ...(data && { authenticationData: data }) };
}
