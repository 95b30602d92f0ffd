import type { AuthenticationMethod, Peer, Step } from '../../access/authentication-method';
import { accountOf, type Identity, isGoodFor } from '../../access/identity';
import type { AuthenticationRequest, ConnectRequest } from '../../protocol/effects';
import type { Permissions } from '../../protocol/permissions';
import { ProtocolError, Reason } from '../../protocol/reason-codes';
import { together } from '../../shared/parallel';
import type { ConnectionRecord } from '../model/connection';
import type { Ports } from '../ports/ports';

/** A client that has proved its identity and may be connected. */
export interface Authenticated {
  readonly identity: Identity;
  readonly permissions: Permissions;
  /** Authentication Data of the response. */
  readonly data?: Buffer;
}

/** A client that has to answer a challenge. */
export interface Challenged {
  /** State that the authentication method needs to continue. */
  readonly state: string;
  /** Authentication Data of the challenge. */
  readonly data?: Buffer;
}

/** An error CONNACK or DISCONNECT whose cause is in the log. Its text helps nobody to guess credentials. */
export class LoginRefused extends ProtocolError {}

/** The client that authenticates. */
export interface LoginPeer extends Peer {
  readonly connectionId: string;
}

/** A CONNECT whose client authenticates. */
export interface LoginAttempt {
  readonly request: ConnectRequest;
  readonly peer: LoginPeer;
}

/**
 * Authenticates the client of a CONNECT: by its authentication method, or by the credentials in CONNECT.
 *
 * @param handshakeIdentity The identity that a token in the WebSocket handshake has proved.
 * @throws LoginRefused
 */
export async function authenticate(
  ports: Ports,
  { request, peer }: LoginAttempt,
  handshakeIdentity: Identity | undefined,
): Promise<Authenticated | Challenged> {
  const { authentication, username, password } = request;
  if (authentication) {
    const step = await methodOf(ports, authentication, peer).begin(authentication.data, peer);
    return resultOf(ports, { request, peer }, step);
  }
  const result = await ports.access.authenticate({ ...peer, username, password, proved: handshakeIdentity });
  if ('identity' in result) return authorizeConnect(ports, { request, peer }, result.identity);
  throw refusal(ports, peer, { reason: result.refused, why: result.why, ...(username !== undefined && { username }) });
}

/** The part of an authentication exchange that AUTH continues. */
export interface Exchange {
  /** State that the authentication method has kept. */
  readonly state: string;
  /** Authentication Data of AUTH. */
  readonly data: Buffer | undefined;
}

/** Continues the authentication of a CONNECT: AUTH before CONNACK. @throws LoginRefused */
export async function continueAuthentication(
  ports: Ports,
  attempt: LoginAttempt,
  { state, data }: Exchange,
): Promise<Authenticated | Challenged> {
  const { request, peer } = attempt;
  const method = methodOf(ports, request.authentication ?? { method: '' }, peer);
  return resultOf(ports, attempt, await method.proceed(state, data, peer));
}

/** A connected client that authenticates again. */
export interface Reauthentication {
  readonly connection: Pick<ConnectionRecord, 'authentication' | 'identity'>;
  readonly peer: LoginPeer;
  /** Authentication Data of AUTH. */
  readonly data: Buffer | undefined;
}

/** Authenticates a connected client again, section 4.12.1. It has to prove the same identity as before. @throws LoginRefused */
export async function reauthenticate(ports: Ports, again: Reauthentication): Promise<Authenticated | Challenged> {
  try {
    return await proveSameIdentity(ports, again);
  } catch (error) {
    if (!(error instanceof LoginRefused)) throw error;
    throw new LoginRefused(disconnectReasons.get(error.reason) ?? error.reason, error.message);
  }
}

/** Reason codes of DISCONNECT for those that only CONNACK has: tables of sections 3.2.2.2 and 3.14.2.1. */
const disconnectReasons = new Map<number, number>([
  [Reason.clientIdentifierNotValid, Reason.notAuthorized],
  [Reason.badUserNameOrPassword, Reason.notAuthorized],
  [Reason.badAuthenticationMethod, Reason.notAuthorized],
  [Reason.serverUnavailable, Reason.serverBusy],
]);

async function proveSameIdentity(
  ports: Ports,
  { connection, peer, data }: Reauthentication,
): Promise<Authenticated | Challenged> {
  const { method: name = '', state } = connection.authentication ?? {};
  const method = methodOf(ports, { method: name }, peer);
  const step = await (state === undefined ? method.begin(data, peer) : method.proceed(state, data, peer));
  const result = await resultOf(ports, { request: {}, peer }, step);
  if ('identity' in result && accountOf(result.identity) !== accountOf(connection.identity)) {
    const { username = '' } = result.identity;
    throw refusal(ports, peer, { reason: Reason.notAuthorized, why: 'another account than before', username });
  }
  return result;
}

function methodOf(ports: Ports, { method }: AuthenticationRequest, peer: LoginPeer): AuthenticationMethod {
  const found = ports.access.method(method);
  if (found) return found;
  const why = `authentication method ${JSON.stringify(method.slice(0, 100))} is not configured`;
  throw refusal(ports, peer, { reason: Reason.badAuthenticationMethod, why });
}

/** The part of a CONNECT that authorization depends on. */
interface Authorized {
  readonly request: Pick<ConnectRequest, 'will'>;
  readonly peer: LoginPeer;
}

async function resultOf(ports: Ports, attempt: Authorized, step: Step): Promise<Authenticated | Challenged> {
  if (step.next === 'refuse') throw refusal(ports, attempt.peer, step);
  const data = step.data ? { data: step.data } : {};
  if (step.next === 'continue') return { state: step.state, ...data };
  return { ...(await authorizeConnect(ports, attempt, step.identity)), ...data };
}

/** Checks that an authenticated client may connect with its client id and its will. @throws LoginRefused */
export async function authorizeConnect(
  ports: Ports,
  { request: { will }, peer }: Authorized,
  identity: Identity,
): Promise<Authenticated> {
  const { username = '', expiresAt = Number.POSITIVE_INFINITY } = identity;
  const refuse = (reason: number, why: string) => refusal(ports, peer, { reason, why, username });
  if (!isGoodFor(identity, peer.clientId)) throw refuse(Reason.clientIdentifierNotValid, 'bound to another client id');
  if (peer.now >= expiresAt) throw refuse(Reason.notAuthorized, 'the credentials have expired'); // a token of the handshake may have since
  const [permissions, clientId] = await together([
    ports.access.permissions(identity, peer.clientId),
    ports.access.reserve(identity, peer.clientId),
  ]);
  if (permissions === 'revoked') throw refuse(Reason.notAuthorized, 'revoked');
  if (clientId === 'reserved') {
    throw refuse(Reason.clientIdentifierNotValid, 'the client id is reserved for another account');
  }
  if (will && !permissions.mayPublish(will.message)) {
    throw refuse(Reason.notAuthorized, 'the will may not be published');
  }
  return { identity, permissions };
}

/** Logs and counts a refused login, and returns its error. `why` is for the log. */
export function refusal(
  ports: Ports,
  peer: LoginPeer,
  { reason, why, username = '' }: { readonly reason: number; readonly why: string; readonly username?: string },
): LoginRefused {
  const { connectionId, clientId, address } = peer;
  ports.log('refused', { connectionId, clientId: short(clientId), username: short(username), address, reason, why });
  ports.metrics.count('RefusedLogins');
  return new LoginRefused(reason, harmless.has(reason) ? why : 'login refused');
}

/** Reason codes whose cause reveals nothing about users, passwords and rules. */
const harmless = new Set<number>([Reason.badAuthenticationMethod, Reason.protocolError, Reason.connectionRateExceeded]);

/** Names of a client that is not authenticated may have 64 KB each. */
function short(text: string): string {
  return text.slice(0, 100);
}
