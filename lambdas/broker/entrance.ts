import { connectVersion } from '../protocol/codec/connect-version';
import { announcedPacketSize } from '../protocol/codec/decode-connect';
import type { ConnectRequest } from '../protocol/effects';
import { mustFit } from '../protocol/fit-packet';
import { type Authentication, handlePacket, type Surroundings } from '../protocol/handle-packet';
import { largestConnect, largestPacket } from '../protocol/limits';
import { packetSize } from '../protocol/packet-splitter';
import type { ClientPacket, ServerPacket } from '../protocol/packets';
import type { Permissions } from '../protocol/permissions';
import { ProtocolError, Reason } from '../protocol/reason-codes';
import { connack } from './connack';
import { expiryOf, startTimer } from './deadline';
import { type Admitted, type Asking, type Challenged, goOn, logIn, proveAnew, refusal } from './entry';
import { tellLifecycle } from './events';
import { hangUp } from './hang-up';
import type { ConnectionEvent } from './inbox';
import { openSession } from './open-session';
import { PendingEntry } from './pending-entry';
import type { Ports } from './ports';
import type { ConnectionRecord, PendingConnection } from './records';
import { leaveSeat, takeSeat } from './seat';
import type { SessionWiper } from './session-wiper';
import type { Origin } from './work';

/** What coming in needs of a turn. */
export interface EnteringTurn {
  readonly ports: Ports;
  readonly wiper: SessionWiper;
  readonly connectionId: string;
  readonly events: readonly ConnectionEvent[];
  /**
   * Answers in the version of the connection, or of what has been heard of it so far.
   *
   * @throws ProtocolError when the client does not take a packet that large [MQTT-3.1.2-24].
   */
  readonly send: (packet: ServerPacket) => void;
}

/** A client that is in: its connection, what it may do, and whether its session was there before. */
export interface Inside {
  readonly connection: ConnectionRecord;
  readonly permissions: Permissions;
  readonly sessionPresent: boolean;
}

/**
 * `outside`: it has to answer a challenge first. `late`: a newer connection of the same client id was faster. `uncertain`: an
 * earlier attempt has let it in, and nobody knows what it was told.
 */
export type Entered = Inside | 'outside' | 'late' | { readonly uncertain: ConnectionRecord };

/** The way of a client from its first frame to its session; and how it proves itself anew later on. */
export class Entrance {
  /** In which a refusal is said. */
  version = 4;
  /** Bytes; what CONNECT said of itself, as far as it was understood. */
  packetLimit = largestPacket({});
  readonly pending: PendingEntry;

  constructor(
    private readonly turn: EnteringTurn,
    stored: PendingConnection | undefined,
  ) {
    const { ports, connectionId } = turn;
    this.pending = new PendingEntry(ports.connectionStore, connectionId, stored);
    if (stored?.exchange) this.packetLimit = largestPacket(this.pending.connectPacket().properties ?? {});
  }

  /** An exchange goes on and the client has to answer. */
  get authentication(): Authentication | undefined {
    return this.pending.authentication;
  }

  /** Of a packet that is about to be decoded. */
  notice(bytes: Buffer): void {
    if (this.pending.version !== undefined) {
      this.version = this.pending.version;
      return;
    }
    this.version = connectVersion(bytes);
    if (this.version === 5) this.packetLimit = largestPacket({ maximumPacketSize: announcedPacketSize(bytes) });
  }

  /** Of a packet that is about to be handled. */
  hear(packet: ClientPacket, bytes: Buffer): void {
    if (packet.cmd !== 'connect') return;
    this.pending.connect = { packet, bytes };
    this.version = packet.protocolVersion;
    this.packetLimit = largestPacket(packet.properties ?? {});
  }

  /** CONNECT. */
  async logIn(request: ConnectRequest, origin: Origin): Promise<Entered> {
    const { ports } = this.turn;
    return this.enter(
      request,
      await logIn(ports, request, this.peer(request, origin.receivedAt), this.pending.stored?.proved),
    );
  }

  /** AUTH before CONNACK. */
  async answer(data: Buffer | undefined, origin: Origin, surroundings: Surroundings): Promise<Entered> {
    refuseRepetition(origin);
    const request = this.pendingRequest(surroundings);
    const peer = this.peer(request, origin.receivedAt);
    return this.enter(request, await goOn(this.turn.ports, request, peer, this.pending.state, data));
  }

  /** AUTH on an open connection. */
  async proveAnew(
    connection: ConnectionRecord,
    data: Buffer | undefined,
    origin: Origin,
  ): Promise<Omit<Inside, 'sessionPresent'> | { readonly connection: ConnectionRecord }> {
    refuseRepetition(origin);
    const { ports } = this.turn;
    const { clientId, fence, authentication } = connection;
    const method = authentication?.method ?? '';
    const proved = await proveAnew(ports, connection, this.peer(connection, origin.receivedAt), data);
    if ('state' in proved) {
      this.sayAuth(Reason.continueAuthentication, method, proved.data);
      return { connection: { ...connection, authentication: { method, state: proved.state } } };
    }
    const { identity, permissions } = proved;
    await ports.sessions.identify(clientId, fence, identity);
    const known = { ...connection, identity, authentication: { method } };
    await startTimer(ports, known, expiryOf(known));
    this.sayAuth(Reason.success, method, proved.data);
    return { connection: known, permissions };
  }

  private enter(request: ConnectRequest, entered: Admitted | Challenged): Promise<Entered> | Entered {
    if ('identity' in entered) return this.open(request, entered);
    this.pending.challenged(entered.state);
    this.sayAuth(Reason.continueAuthentication, request.authentication?.method, entered.data);
    return 'outside';
  }

  private async open(request: ConnectRequest, { identity, permissions, data }: Admitted): Promise<Entered> {
    const { ports, wiper, connectionId, events } = this.turn;
    const [{ connectedAt, receivedAt }] = events as [ConnectionEvent];
    const proof = authenticationProperties(request.authentication?.method, data);
    const properties = request.answer && { ...request.answer, ...proof };
    mustFit(connack(Reason.success, true, properties), request.version, largestPacket(request.capabilities)); // before it owns anything
    const sitting = { identity, clientId: request.clientId, connectionId };
    const hasSeat = await takeSeat(ports, sitting);
    const opened = await openSession(ports, wiper, request, { ...sitting, connectedAt, receivedAt, hasSeat });
    if (opened === 'late' || opened === 'foreign') {
      if (hasSeat) await leaveSeat(ports, sitting);
      if (request.will) await ports.sessions.removeWill(request.clientId, connectionId);
      if (opened === 'late') return 'late';
      throw refusal(
        ports,
        this.peer(request, receivedAt),
        Reason.clientIdentifierNotValid,
        'the client id belongs to another account',
        identity.username,
      );
    }
    if ('uncertain' in opened) {
      if (opened.displaced) await hangUp(ports, opened.displaced, Reason.sessionTakenOver);
      return opened;
    }
    const { owner: displaced, head: itsHead } = opened.displaced ?? {};
    if (displaced) await hangUp(ports, displaced, Reason.sessionTakenOver, itsHead); // [v3 MQTT-3.1.4-2] [MQTT-3.1.4-3]
    if (opened.former) await ports.packets.expire(opened.former); // its session has ended, so its will may be due
    const { connection, sessionPresent } = opened;
    this.logEntry(connection, sessionPresent, displaced);
    await tellLifecycle(ports, 'connected', connection, { sessionPresent, version: connection.version });
    this.turn.send(connack(Reason.success, sessionPresent, properties));
    return { connection, permissions, sessionPresent };
  }

  private logEntry(connection: ConnectionRecord, sessionPresent: boolean, displaced: string | undefined): void {
    const { log, metrics } = this.turn.ports;
    const { connectionId, clientId, version, identity } = connection;
    const { kind, username = '' } = identity;
    const address = this.address();
    log('connected', { connectionId, clientId, username, kind, address, version, sessionPresent });
    metrics.count('ConnectionsOpened');
    if (displaced) log('taken over', { connectionId, clientId, displaced });
  }

  private address(): string {
    return this.turn.events.find((event) => event.address !== '')?.address ?? '';
  }

  /** What the CONNECT that was kept asks for. */
  private pendingRequest(surroundings: Surroundings): ConnectRequest {
    const [effect] = handlePacket(this.pending.connectPacket(), undefined, { ...surroundings, pending: undefined });
    if (effect?.do !== 'open') throw new Error('the CONNECT that was kept opens nothing');
    return effect.request;
  }

  private sayAuth(reasonCode: number, method: string | undefined, data: Buffer | undefined): void {
    this.turn.send({ cmd: 'auth', reasonCode, properties: authenticationProperties(method, data) });
  }

  private peer({ clientId }: { readonly clientId: string }, receivedAt: number): Asking {
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
