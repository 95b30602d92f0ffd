import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { Reason } from '../protocol/reason-codes';
import type { ScramCredentials } from './accounts';
import type { AuthenticationMethod, Peer, Step } from './authentication-method';
import { LoginLimits, type LoginState, loginAttempt } from './login-limits';
import type { LoginStore } from './logins';
import { identityOf } from './rules-of-identity';
import { malformed, refuseProtocolErrors } from './sasl-message';
import { saslPrep } from './sasl-prep';
import { type ClientFinal, readClientFinal, readClientFirst } from './scram-messages';

/**
 * Default number of PBKDF2 iterations: the rule of thumb of RFC 7677 section 4, 0.1 seconds on a computer of 2015. Every login costs
 * them to the client, not to the server, and slow devices notice them: phones of that year took half a second for 4,096. They slow
 * down an attacker who has stolen the accounts, but much less than scrypt, which also needs memory.
 */
export const scramIterations = 15_000;

/** RFC 7677 section 4: at least 4,096. */
const minIterations = 4096;
/** A typing error must not occupy every client for minutes; other implementations stop at 100,000 too. */
const maxIterations = 100_000;
const saltBytes = 16;

const stretch = promisify(pbkdf2);

/**
 * Derives the credentials of a password for SCRAM-SHA-256 (RFC 5802 section 3). It takes about as long as a login takes for a client.
 *
 * @throws RangeError for iterations below 4,096 or above 100,000, or a password that SASLprep refuses (see `saslPrep`)
 */
export async function deriveScramCredentials(
  password: string,
  iterations: number = scramIterations,
  salt: Buffer = randomBytes(saltBytes),
): Promise<ScramCredentials> {
  if (!(Number.isInteger(iterations) && iterations >= minIterations && iterations <= maxIterations)) {
    throw new RangeError(`iterations are ${minIterations} to ${maxIterations}, not ${iterations}`);
  }
  const prepared = saslPrep(password);
  if (prepared === undefined) throw new RangeError('password is empty or has characters that SASLprep prohibits');
  const saltedPassword = await stretch(prepared, salt, iterations, 32, 'sha256');
  const storedKey = sha256(hmac(saltedPassword, 'Client Key'));
  return { salt, iterations, storedKey, serverKey: hmac(saltedPassword, 'Server Key') };
}

/** State between the two messages of a client: the messages so far, without any secret. */
interface Exchange {
  readonly username: string;
  readonly gs2Header: string;
  readonly clientFirstBare: string;
  readonly serverFirst: string;
  /** Nonces of client and server, joined. */
  readonly nonce: string;
}

/**
 * SCRAM-SHA-256 (RFC 5802, RFC 7677), carried as in the example of MQTT 5.0 section 4.12: client-first-message in CONNECT,
 * server-first-message and client-final-message in AUTH, server-final-message in CONNACK or, for a re-authentication, in AUTH. There is
 * no channel binding, because TLS ends at API Gateway.
 *
 * A malformed message is refused with 0x82. A wrong proof is refused with 0x87, which both CONNACK and DISCONNECT have (tables of
 * sections 3.2.2.2 and 3.14.2.1), unlike 0x86. A user that does not exist or has no SCRAM credentials is refused likewise, and only at
 * the end: it gets a salt like any other, the same one each time (RFC 5802 section 9).
 */
export class ScramSha256 implements AuthenticationMethod {
  readonly name = 'SCRAM-SHA-256';

  private readonly limits: LoginLimits;

  /** `makeNonce` returns printable ASCII without comma, never the same twice. */
  constructor(
    private readonly logins: LoginStore,
    private readonly makeNonce: () => string = () => randomBytes(18).toString('base64'),
  ) {
    this.limits = new LoginLimits(logins);
  }

  begin(data: Buffer | undefined, peer: Peer): Promise<Step> {
    return refuseProtocolErrors(() => this.challenge(data, peer));
  }

  proceed(state: string, data: Buffer | undefined, peer: Peer): Promise<Step> {
    return refuseProtocolErrors(() => this.conclude(JSON.parse(state), data, peer));
  }

  private async challenge(data: Buffer | undefined, peer: Peer): Promise<Step> {
    const { gs2Header, bare, username, nonce: clientNonce } = readClientFirst(data);
    const login = await this.readLogin(username, peer);
    if (login === 'throttled') return throttled;
    const nonce = `${clientNonce}${this.makeNonce()}`;
    const { salt, iterations } = login.credentials;
    const serverFirst = `r=${nonce},s=${salt.toString('base64')},i=${iterations}`;
    const exchange: Exchange = { username, gs2Header, clientFirstBare: bare, serverFirst, nonce };
    return { next: 'continue', data: Buffer.from(serverFirst), state: JSON.stringify(exchange) };
  }

  private async conclude(exchange: Exchange, data: Buffer | undefined, peer: Peer): Promise<Step> {
    const final = readClientFinal(data);
    checkEcho(final, exchange);
    // Read again: a client that has many exchanges open may have failed in the others meanwhile.
    const login = await this.readLogin(exchange.username, peer);
    if (login === 'throttled') return throttled;
    const authMessage = `${exchange.clientFirstBare},${exchange.serverFirst},${final.withoutProof}`; // section 3
    const isProved = isProofValid(final.proof, login.credentials.storedKey, authMessage);
    const { account } = login.state;
    if (!isProved || account?.scram === undefined) {
      await this.limits.recordFailure(login.state);
      return { next: 'refuse', reason: Reason.notAuthorized, why: 'wrong user name or password' };
    }
    await this.limits.recordSuccess(login.state, account);
    const signature = hmac(login.credentials.serverKey, authMessage).toString('base64');
    return { next: 'accept', identity: identityOf(account), data: Buffer.from(`v=${signature}`) };
  }

  /** Makes the same calls for users that exist and those that do not, so that response times reveal nothing. */
  private async readLogin(username: string, peer: Peer): Promise<Login | 'throttled'> {
    const [state, secret] = await Promise.all([this.limits.read(loginAttempt(username, peer)), this.logins.secret()]);
    if (await this.limits.mustWait(state)) return 'throttled';
    return { state, credentials: state.account?.scram ?? inventedCredentials(secret, username) };
  }
}

interface Login {
  readonly state: LoginState;
  /** Invented if the user has none. */
  readonly credentials: ScramCredentials;
}

const throttled: Step = {
  next: 'refuse',
  reason: Reason.connectionRateExceeded,
  why: 'too many failed logins',
};

/** Derives credentials from the name: different ones at each attempt would reveal that the user does not exist. */
function inventedCredentials(secret: Buffer, username: string): ScramCredentials {
  const key = hmac(secret, `SCRAM-SHA-256 ${username}`);
  return { salt: key.subarray(0, saltBytes), iterations: scramIterations, storedKey: key, serverKey: key };
}

/** Checks that the final message repeats the nonce and the gs2-header, which an attacker could have changed (section 5.1). */
function checkEcho({ channelBinding, nonce }: ClientFinal, exchange: Exchange): void {
  if (channelBinding !== Buffer.from(exchange.gs2Header).toString('base64')) {
    throw malformed('channel binding does not repeat the gs2-header');
  }
  if (nonce !== exchange.nonce) throw malformed('nonce is not the one of this exchange');
}

/** Checks ClientProof, which is ClientKey XOR ClientSignature; StoredKey is the hash of ClientKey (section 3). */
function isProofValid(proof: Buffer, storedKey: Buffer, authMessage: string): boolean {
  const signature = hmac(storedKey, authMessage);
  const clientKey = proof.map((byte, index) => byte ^ signature[index]!);
  return timingSafeEqual(sha256(clientKey), storedKey);
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
