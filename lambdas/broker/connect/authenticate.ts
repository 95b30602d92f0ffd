import type { Peer, Step } from '../../access/authentication-method';
import { accountOf, type Identity, isGoodFor } from '../../access/identity';
import type { AuthenticationRequest, ConnectRequest } from '../../protocol/effects';
import type { Permissions } from '../../protocol/permissions';
import { ProtocolError, Reason } from '../../protocol/reason-codes';
import { together } from '../../shared/parallel';
import type { ConnectionRecord } from '../model/connection';
import type { Ports } from '../ports/ports';

/** A client that is who it says, and may be here. */
export interface Authenticated {
  readonly identity: Identity;
  readonly permissions: Permissions;
  /** Authentication Data of the answer. */
  readonly data?: Buffer;
}

/** A client that has to say more: what it is told, and what is to be remembered until it answers. */
export interface Challenged {
  readonly state: string;
  readonly data?: Buffer;
}

/** The client was not let in, and why is in the log. What it is told helps nobody to guess. */
export class LoginRefused extends ProtocolError {}

/** Who asks to come in, or proves itself anew. */
export interface LoginPeer extends Peer {
  readonly connectionId: string;
}

/** CONNECT: by its authentication method, or by what it brought along. */
export async function authenticate(
  ports: Ports,
  request: ConnectRequest,
  peer: LoginPeer,
  proved: Identity | undefined,
): Promise<Authenticated | Challenged> {
  const { authentication, username, password } = request;
  if (authentication)
    return resultOf(ports, request, peer, await methodOf(ports, authentication, peer).begin(authentication.data, peer));
  const admission = await ports.access.authenticate({ ...peer, username, password, proved });
  if ('identity' in admission) return authorizeConnect(ports, request, peer, admission.identity);
  throw refusal(ports, peer, admission.refused, admission.why, username);
}

/** AUTH before CONNACK: the client answers. */
export async function continueAuthentication(
  ports: Ports,
  request: ConnectRequest,
  peer: LoginPeer,
  state: string,
  data: Buffer | undefined,
): Promise<Authenticated | Challenged> {
  const method = methodOf(ports, request.authentication ?? { method: '' }, peer);
  return resultOf(ports, request, peer, await method.proceed(state, data, peer));
}

type Known = Pick<ConnectionRecord, 'authentication' | 'identity'>;

/** AUTH on an open connection, section 4.12.1. It has to prove that it is still the same. */
export async function reauthenticate(
  ports: Ports,
  known: Known,
  peer: LoginPeer,
  data: Buffer | undefined,
): Promise<Authenticated | Challenged> {
  try {
    return await reauthenticateAs(ports, known, peer, data);
  } catch (error) {
    if (!(error instanceof LoginRefused)) throw error;
    throw new LoginRefused(inDisconnect.get(error.reason) ?? error.reason, error.message);
  }
}

/** What CONNACK has a code for and DISCONNECT has not: tables of sections 3.2.2.2 and 3.14.2.1. */
const inDisconnect = new Map<number, number>([
  [Reason.clientIdentifierNotValid, Reason.notAuthorized],
  [Reason.badUserNameOrPassword, Reason.notAuthorized],
  [Reason.badAuthenticationMethod, Reason.notAuthorized],
  [Reason.serverUnavailable, Reason.serverBusy],
]);

async function reauthenticateAs(
  ports: Ports,
  { authentication, identity }: Known,
  peer: LoginPeer,
  data: Buffer | undefined,
): Promise<Authenticated | Challenged> {
  const { method: name = '', state } = authentication ?? {};
  const method = methodOf(ports, { method: name }, peer);
  const step = await (state === undefined ? method.begin(data, peer) : method.proceed(state, data, peer));
  const result = await resultOf(ports, {}, peer, step);
  if ('identity' in result && accountOf(result.identity) !== accountOf(identity)) {
    throw refusal(ports, peer, Reason.notAuthorized, 'another account than before', result.identity.username);
  }
  return result;
}

function methodOf(ports: Ports, { method }: AuthenticationRequest, peer: LoginPeer) {
  const found = ports.access.method(method);
  if (found) return found;
  const name = JSON.stringify(method.slice(0, 100));
  throw refusal(ports, peer, Reason.badAuthenticationMethod, `authentication method ${name} is not configured`);
}

async function resultOf(
  ports: Ports,
  request: Pick<ConnectRequest, 'will'>,
  peer: LoginPeer,
  step: Step,
): Promise<Authenticated | Challenged> {
  if (step.next === 'refuse') throw refusal(ports, peer, step.reason, step.why);
  const data = step.data ? { data: step.data } : {};
  if (step.next === 'continue') return { state: step.state, ...data };
  return { ...(await authorizeConnect(ports, request, peer, step.identity)), ...data };
}

/** Checks what holds however a client has proved who it is. @throws Refused */
export async function authorizeConnect(
  ports: Ports,
  { will }: Pick<ConnectRequest, 'will'>,
  peer: LoginPeer,
  identity: Identity,
): Promise<Authenticated> {
  const refuse = (reason: number, why: string) => refusal(ports, peer, reason, why, identity.username);
  if (!isGoodFor(identity, peer.clientId)) throw refuse(Reason.clientIdentifierNotValid, 'bound to another client id');
  const { expiresAt = Number.POSITIVE_INFINITY } = identity; // what the handshake has proved may be over by now
  if (peer.now >= expiresAt) throw refuse(Reason.notAuthorized, 'what the client has proved holds no longer');
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

export function refusal(ports: Ports, peer: LoginPeer, reason: number, why: string, username = ''): LoginRefused {
  const { connectionId, clientId, address } = peer;
  ports.log('refused', { connectionId, clientId: short(clientId), username: short(username), address, reason, why });
  ports.metrics.count('RefusedLogins');
  return new LoginRefused(reason, tellable.has(reason) ? why : 'not let in');
}

/** What says nothing about users, passwords and rules. */
const tellable = new Set<number>([Reason.badAuthenticationMethod, Reason.protocolError, Reason.connectionRateExceeded]);

/** Whoever is not let in says what it likes, up to 64 KB. */
function short(text: string): string {
  return text.slice(0, 100);
}
