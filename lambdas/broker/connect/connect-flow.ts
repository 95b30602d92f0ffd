import type { Identity } from '../../access/identity';
import { connectVersion } from '../../protocol/codec/connect-version';
import { announcedPacketSize } from '../../protocol/codec/decode-connect';
import type { ConnectRequest } from '../../protocol/effects';
import { mustFit } from '../../protocol/fit-packet';
import { handlePacket, type Surroundings } from '../../protocol/handle-packet';
import { largestConnect, largestPacket } from '../../protocol/limits';
import { packetSize } from '../../protocol/packet-splitter';
import type { ClientPacket, ProtocolVersion, ServerPacket } from '../../protocol/packets';
import type { Permissions } from '../../protocol/permissions';
import { ProtocolError, Reason } from '../../protocol/reason-codes';
import type { Authentication } from '../../protocol/session-view';
import type { Settings } from '../../settings';
import { together } from '../../shared/parallel';
import { connectionDeadline, startTimer } from '../expiry/deadlines';
import type { ConnectionRecord, PendingConnection, Takeover } from '../model/connection';
import { type ConnectionEvent, isFrame } from '../model/connection-event';
import { connectionOf } from '../model/fence';
import type { Origin } from '../model/origin';
import { publishLifecycleEvent } from '../observability/lifecycle-events';
import { closeConnection } from '../outbound/close-connection';
import type { Dispatch } from '../outbound/dispatch';
import type { Ports } from '../ports/ports';
import type { Publisher } from '../publishing/publisher';
import { type Awaits, claimSession, type SessionQuota, takeoverTimeout } from '../session/claim-session';
import { acquireConnection, type CountedClient, releaseConnection } from '../session/connection-limit';
import type { SessionDeleter } from '../session/delete-session';
import { countSession, quotaOf } from '../session/session-limit';
import {
  type Authenticated,
  authenticate,
  authorizeConnect,
  type Challenged,
  continueAuthentication,
  type LoginPeer,
  reauthenticate,
  refusal,
} from './authenticate';
import { connack } from './connack';
import { PendingConnect } from './pending-connect';
import { takeoverAfterTimeout } from './takeover';

/** Reason code and text for the log. */
const refusals = {
  foreign: [Reason.clientIdentifierNotValid, 'the client id belongs to another account'],
  full: [Reason.quotaExceeded, 'too many sessions of one user'],
} as const;

/** What coming in needs of a turn. */
export interface ConnectTurn {
  readonly ports: Ports;
  readonly settings: Pick<Settings, 'maxSessionsPerUser'>;
  readonly deleter: SessionDeleter;
  readonly publisher: Publisher;
  readonly dispatch: Dispatch;
  readonly connectionId: string;
  readonly events: readonly ConnectionEvent[];
  /** @throws ProtocolError when the client does not take a packet that large [MQTT-3.1.2-24]. */
  readonly send: (packet: ServerPacket, version: ProtocolVersion) => void;
}

/** A client that is in: its connection, what it may do, and whether its session was there before. */
export interface Connected {
  readonly connection: ConnectionRecord;
  readonly permissions: Permissions;
  readonly sessionPresent: boolean;
}

/**
 * `outside`: it has to answer a challenge first, or to wait until another connection of its client id has ended. `late`: a newer
 * connection of the same client id was faster. `uncertain`: an earlier attempt has let it in, and nobody knows what it was told.
 */
export type ConnectResult = Connected | 'outside' | 'late' | { readonly uncertain: ConnectionRecord };

/** When and from where the connection came whose session is opened. `receivedAt`: since when it counts as active. */
type Arrival = Pick<Takeover, 'connectedAt' | 'address' | 'since'> & { readonly receivedAt: number };

/** The way of a client from its first frame to its session; and how it proves itself anew later on. */
export class ConnectFlow {
  /** Protocol version of the CONNECT that has been read; undefined before. */
  version: ProtocolVersion | undefined;
  /** Protocol version of the CONNACK that refuses a CONNECT that could not be read. */
  private claimedVersion: ProtocolVersion = 4;
  /** Bytes; what CONNECT said of itself, as far as it was understood. */
  packetLimit = largestPacket({});
  readonly pending: PendingConnect;

  constructor(
    private readonly turn: ConnectTurn,
    stored: PendingConnection | undefined,
  ) {
    const { ports, connectionId } = turn;
    this.pending = new PendingConnect(ports.connectionStore, connectionId, stored);
    this.version = this.pending.version;
    if (stored?.exchange) this.packetLimit = largestPacket(this.pending.connectPacket().properties ?? {});
  }

  /** Protocol version of a CONNACK that refuses the client. */
  get refusalVersion(): ProtocolVersion {
    return this.version ?? this.claimedVersion;
  }

  /** Whether an authenticated CONNECT waits until another connection of its client id has ended. */
  get isWaiting(): boolean {
    return this.pending.takeover !== undefined;
  }

  /** An exchange goes on and the client has to answer. */
  get authentication(): Authentication | undefined {
    return this.pending.authentication;
  }

  /** Of a packet that is about to be decoded. */
  readConnectHeader(bytes: Buffer): void {
    this.claimedVersion = connectVersion(bytes);
    if (this.version !== undefined || this.claimedVersion < 5) return;
    this.packetLimit = largestPacket({ maximumPacketSize: announcedPacketSize(bytes) });
  }

  /** Of a packet that is about to be handled. */
  noteConnect(packet: ClientPacket, bytes: Buffer): void {
    if (packet.cmd !== 'connect') return;
    this.pending.connect = { packet, bytes };
    this.version = packet.protocolVersion;
    this.packetLimit = largestPacket(packet.properties ?? {});
  }

  /** CONNECT. */
  async connect(request: ConnectRequest, origin: Origin): Promise<ConnectResult> {
    const { ports } = this.turn;
    const entered = await authenticate(
      ports,
      request,
      this.peer(request, origin.receivedAt),
      this.pending.stored?.proved,
    );
    return this.enter(request, entered, this.arrivalOf(origin));
  }

  /** AUTH before CONNACK. */
  async continueAuthentication(
    data: Buffer | undefined,
    origin: Origin,
    surroundings: Surroundings,
  ): Promise<ConnectResult> {
    refuseRepetition(origin);
    const request = this.pendingRequest(surroundings);
    const peer = this.peer(request, origin.receivedAt);
    const entered = await continueAuthentication(this.turn.ports, request, peer, this.pending.state, data);
    return this.enter(request, entered, this.arrivalOf(origin));
  }

  /** The CONNECT that waited for the end of another connection goes on, if that has ended or the takeover timeout has passed. */
  async continueTakeover(takeover: Takeover, surroundings: Surroundings): Promise<ConnectResult> {
    const { ports } = this.turn;
    const packet = this.pending.connectPacket();
    this.noteConnect(packet, takeover.connect);
    this.pending.takeover = undefined;
    const request = this.pendingRequest(surroundings);
    const peer = { ...this.peer(request, ports.now()), address: takeover.address };
    const { data } = takeover;
    const entered = { ...(await authorizeConnect(ports, request, peer, takeover.identity)), ...(data && { data }) };
    return this.open(request, entered, { ...takeover, receivedAt: ports.now() });
  }

  /** AUTH on an open connection. */
  async reauthenticate(
    connection: ConnectionRecord,
    data: Buffer | undefined,
    origin: Origin,
  ): Promise<Omit<Connected, 'sessionPresent'> | { readonly connection: ConnectionRecord }> {
    refuseRepetition(origin);
    const { ports } = this.turn;
    const { clientId, fence, authentication } = connection;
    const method = authentication?.method ?? '';
    const proved = await reauthenticate(ports, connection, this.peer(connection, origin.receivedAt), data);
    if ('state' in proved) {
      this.sendAuth(Reason.continueAuthentication, method, proved.data);
      return { connection: { ...connection, authentication: { method, state: proved.state } } };
    }
    const { identity, permissions } = proved;
    await ports.sessions.identify(clientId, fence, identity);
    const known = { ...connection, identity, authentication: { method } };
    await startTimer(ports, known, connectionDeadline(known));
    this.sendAuth(Reason.success, method, proved.data);
    return { connection: known, permissions };
  }

  private arrivalOf({ connectedAt, receivedAt }: Origin): Arrival {
    return { connectedAt, address: this.address(), since: this.turn.ports.now(), receivedAt };
  }

  private enter(
    request: ConnectRequest,
    entered: Authenticated | Challenged,
    arrival: Arrival,
  ): Promise<ConnectResult> | ConnectResult {
    if ('identity' in entered) return this.open(request, entered, arrival);
    this.pending.challenged(entered.state);
    this.sendAuth(Reason.continueAuthentication, request.authentication?.method, entered.data);
    return 'outside';
  }

  private async open(request: ConnectRequest, admission: Authenticated, arrival: Arrival): Promise<ConnectResult> {
    const { identity, permissions, data } = admission;
    const { ports, deleter, publisher, dispatch, connectionId } = this.turn;
    const { connectedAt, address, since, receivedAt } = arrival;
    const proof = authenticationProperties(request.authentication?.method, data);
    const properties = request.answer && { ...request.answer, ...proof };
    mustFit(connack(Reason.success, true, properties), request.version, largestPacket(request.capabilities)); // before it owns anything
    const sitting = { identity, clientId: request.clientId, connectionId };
    const isCounted = await acquireConnection(ports, sitting);
    const isOverdue = ports.now() >= since + takeoverTimeout;
    const supersede = isOverdue ? takeoverAfterTimeout(ports, publisher, dispatch, since) : undefined;
    const quota = this.quotaOf(identity, request.clientId, address);
    const newcomer = { ...sitting, connectedAt, receivedAt, isCounted, address, ...(quota && { quota }) };
    const opened = await claimSession(ports, deleter, request, newcomer, supersede);
    if (typeof opened === 'string') {
      if (isCounted) await releaseConnection(ports, sitting);
      if (request.will) await ports.sessions.removeWill(request.clientId, connectionId);
      if (opened === 'late') return 'late';
      const [reason, why] = refusals[opened];
      throw refusal(ports, this.peer(request, receivedAt), reason, why, identity.username);
    }
    if ('uncertain' in opened) return opened;
    if (opened.discarded) await this.reportReplaced(sitting, opened.discarded);
    if ('awaits' in opened) {
      await this.awaitEnd(request, opened);
      if (isCounted) await releaseConnection(ports, sitting); // until it comes in, if it ever does
      this.pending.awaitEnd({ connectedAt, address, since, identity, ...(data && { data }) });
      return 'outside';
    }
    const { connection, sessionPresent } = opened;
    this.logEntry(connection, sessionPresent, arrival);
    await publishLifecycleEvent(ports, connection, {
      type: 'connected',
      detail: { sessionPresent, version: connection.version },
    });
    this.turn.send(connack(Reason.success, sessionPresent, properties), connection.version);
    return { connection, permissions, sessionPresent };
  }

  private quotaOf(identity: Identity, clientId: string, address: string): SessionQuota | undefined {
    const { ports, settings } = this.turn;
    if (settings.maxSessionsPerUser === 0) return undefined;
    const account = quotaOf(identity, address);
    return { account, take: () => countSession(ports, settings, account, clientId) };
  }

  /**
   * Ends the connection that owns the session [v3 MQTT-3.1.4-2] [MQTT-3.1.4-3], and one that waited for it before; or lets the
   * will of the last owner be published. Whatever is lost of this, a timer wakes this connection.
   */
  private async awaitEnd({ clientId, will }: ConnectRequest, { awaits: head, seconds }: Awaits): Promise<void> {
    const { ports, connectionId } = this.turn;
    const { owner, fence, successor } = head;
    const former = successor && connectionOf(successor.fence);
    await together([
      owner
        ? closeConnection(ports, owner, { reason: Reason.sessionTakenOver, client: head })
        : ports.packets.expire(connectionOf(fence)),
      former !== undefined &&
        former !== connectionId &&
        closeConnection(ports, former, { reason: Reason.sessionTakenOver }),
      will && ports.sessions.removeWill(clientId, connectionId), // until the session is claimed
      ports.timers.scheduleWake(connectionId, seconds),
    ]);
    if (owner) ports.log('taken over', { connectionId, clientId, displaced: owner });
  }

  private logEntry(connection: ConnectionRecord, sessionPresent: boolean, { address }: Arrival): void {
    const { log, metrics } = this.turn.ports;
    const { connectionId, clientId, version, identity } = connection;
    const { kind, username = '' } = identity;
    log('connected', { connectionId, clientId, username, kind, address, version, sessionPresent });
    metrics.count('ConnectionsOpened');
  }

  /** Reported once: for a client that had to wait, when it began to. */
  private async reportReplaced({ identity, clientId, connectionId }: CountedClient, former: Identity): Promise<void> {
    if (this.pending.stored?.takeover) return;
    const { ports } = this.turn;
    const { kind, username = '' } = identity;
    const formerly = { formerUsername: former.username ?? '', formerKind: former.kind };
    ports.log('session replaced', { connectionId, clientId, username, kind, ...formerly });
    ports.metrics.count('ReplacedSessions');
    await publishLifecycleEvent(
      ports,
      { connectionId, clientId, identity },
      { type: 'session replaced', detail: formerly },
    );
  }

  private address(): string {
    return this.turn.events.find(isFrame)?.address ?? '';
  }

  /** What the CONNECT that was kept asks for. */
  private pendingRequest(surroundings: Surroundings): ConnectRequest {
    const [effect] = handlePacket(this.pending.connectPacket(), undefined, { ...surroundings, pending: undefined });
    if (effect?.do !== 'connect') throw new Error('the CONNECT that was kept opens nothing');
    return effect.request;
  }

  private sendAuth(reasonCode: number, method: string | undefined, data: Buffer | undefined): void {
    this.turn.send({ cmd: 'auth', reasonCode, properties: authenticationProperties(method, data) }, 5);
  }

  private peer({ clientId }: { readonly clientId: string }, receivedAt: number): LoginPeer {
    return { connectionId: this.turn.connectionId, clientId, address: this.address(), now: receivedAt };
  }
}

/** Whoever worked on it before may have sent another challenge, and the client has answered that one. */
function refuseRepetition({ redelivered }: Origin): void {
  if (redelivered) throw new ProtocolError(Reason.unspecifiedError, 'the exchange was interrupted');
}

/** Whoever was not let in cannot have 96 KB kept for it. `stream` begins with the first packet that is not handled yet. */
export function checkConnectSize(stream: Buffer): void {
  const size = packetSize(stream, 0);
  if (typeof size !== 'number' || size <= largestConnect) return;
  throw new ProtocolError(
    Reason.packetTooLarge,
    `packet before CONNACK has ${size} bytes, more than ${largestConnect}`,
  );
}

/** What the answer to an authentication says of it [MQTT-4.12.0-5]. */
function authenticationProperties(method: string | undefined, data: Buffer | undefined) {
  if (method === undefined) return {};
  return { authenticationMethod: method, ...(data && { authenticationData: data }) };
}
