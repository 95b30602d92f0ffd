import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { Reason } from '../protocol/reason-codes';
import type { ScramCredentials } from './accounts';
import type { AuthenticationMethod, Peer, Step } from './authentication-method';
import { attemptOf, type KnownLogin, LoginLimits } from './login-limits';
import type { LoginStore } from './logins';
import { identityOf } from './rules-of-identity';
import { malformed, refusingBreaches } from './sasl-message';
import { saslPrep } from './sasl-prep';
import { type ClientFinal, readClientFinal, readClientFirst } from './scram-messages';

/**
 * Iterations of PBKDF2 where nothing else is asked for: the rule of thumb of RFC 7677 section 4, 0.1 seconds on a computer
 * of 2015. Every login costs them to the client, not to us, and a slow device feels them: phones of that year took half a
 * second for 4,096. They slow down whoever has stolen the accounts, yet far less than scrypt, which takes memory too.
 */
export const scramIterations = 15_000;

/** RFC 7677 section 4: at least 4,096. */
const fewestIterations = 4096;
/** A typing error must not keep every client busy for minutes; drivers give up at 100,000 too. */
const mostIterations = 100_000;
const saltBytes = 16;

const stretch = promisify(pbkdf2);

/**
 * What to keep of a password for logins with SCRAM-SHA-256, RFC 5802 section 3. It takes about as long as a client takes.
 *
 * @throws RangeError for iterations below 4,096 or above 100,000, or a password that SASLprep refuses (see `saslPrep`).
 */
export async function deriveScramCredentials(
  password: string,
  iterations: number = scramIterations,
  salt: Buffer = randomBytes(saltBytes),
): Promise<ScramCredentials> {
  if (!(Number.isInteger(iterations) && iterations >= fewestIterations && iterations <= mostIterations)) {
    throw new RangeError(`iterations are ${fewestIterations} to ${mostIterations}, not ${iterations}`);
  }
  const prepared = saslPrep(password);
  if (prepared === undefined) throw new RangeError('password is empty or has characters that SASLprep prohibits');
  const saltedPassword = await stretch(prepared, salt, iterations, 32, 'sha256');
  const storedKey = sha256(hmac(saltedPassword, 'Client Key'));
  return { salt, iterations, storedKey, serverKey: hmac(saltedPassword, 'Server Key') };
}

/** What is remembered between the two messages of a client: what both sides have said so far, and nothing that is secret. */
interface Exchange {
  readonly username: string;
  readonly gs2Header: string;
  readonly clientFirstBare: string;
  readonly serverFirst: string;
  /** Of client and server together. */
  readonly nonce: string;
}

/**
 * SCRAM-SHA-256, RFC 5802 and RFC 7677, carried as in the example of MQTT 5.0 section 4.12: client-first-message in CONNECT,
 * server-first-message and client-final-message in AUTH, server-final-message in CONNACK or, when a client authenticates
 * anew, in AUTH. There is no channel binding, as API Gateway ends the TLS connection.
 *
 * A message that is malformed is refused with 0x82. A wrong proof is refused with 0x87, which CONNACK and DISCONNECT both
 * have (tables of sections 3.2.2.2 and 3.14.2.1), unlike 0x86; so is a user that does not exist or has no SCRAM credentials,
 * and only at the end: it is offered a salt like anybody, the same one each time (RFC 5802 section 9).
 */
export class ScramSha256 implements AuthenticationMethod {
  readonly name = 'SCRAM-SHA-256';

  private readonly limits: LoginLimits;

  /** `makeNonce` gives printable ASCII without comma, never the same twice. */
  constructor(
    private readonly logins: LoginStore,
    private readonly makeNonce: () => string = () => randomBytes(18).toString('base64'),
  ) {
    this.limits = new LoginLimits(logins);
  }

  begin(data: Buffer | undefined, peer: Peer): Promise<Step> {
    return refusingBreaches(() => this.challenge(data, peer));
  }

  proceed(state: string, data: Buffer | undefined, peer: Peer): Promise<Step> {
    return refusingBreaches(() => this.conclude(JSON.parse(state), data, peer));
  }

  private async challenge(data: Buffer | undefined, peer: Peer): Promise<Step> {
    const { gs2Header, bare, username, nonce: clientNonce } = readClientFirst(data);
    const login = await this.readLogin(username, peer);
    if (login === 'slowed-down') return slowedDown;
    const nonce = `${clientNonce}${this.makeNonce()}`;
    const { salt, iterations } = login.credentials;
    const serverFirst = `r=${nonce},s=${salt.toString('base64')},i=${iterations}`;
    const exchange: Exchange = { username, gs2Header, clientFirstBare: bare, serverFirst, nonce };
    return { next: 'continue', data: Buffer.from(serverFirst), state: JSON.stringify(exchange) };
  }

  private async conclude(exchange: Exchange, data: Buffer | undefined, peer: Peer): Promise<Step> {
    const final = readClientFinal(data);
    checkEcho(final, exchange);
    // Asked again: whoever has opened many exchanges at once may have failed in the others meanwhile.
    const login = await this.readLogin(exchange.username, peer);
    if (login === 'slowed-down') return slowedDown;
    const signed = `${exchange.clientFirstBare},${exchange.serverFirst},${final.withoutProof}`; // AuthMessage, section 3
    const isProved = provesKey(final.proof, login.credentials.storedKey, signed);
    const { account } = login.known;
    if (!isProved || account?.scram === undefined) {
      await this.limits.failed(login.known);
      return { next: 'refuse', reason: Reason.notAuthorized, why: 'wrong user name or password' };
    }
    await this.limits.succeeded(login.known, account);
    const signature = hmac(login.credentials.serverKey, signed).toString('base64');
    return { next: 'admit', identity: identityOf(account), data: Buffer.from(`v=${signature}`) };
  }

  /** Takes the same calls for users that exist and those that do not, so that the time tells nothing. */
  private async readLogin(username: string, peer: Peer): Promise<Login | 'slowed-down'> {
    const [known, secret] = await Promise.all([this.limits.read(attemptOf(username, peer)), this.logins.secret()]);
    if (await this.limits.mustWait(known)) return 'slowed-down';
    return { known, credentials: known.account?.scram ?? inventedCredentials(secret, username) };
  }
}

interface Login {
  readonly known: KnownLogin;
  /** Invented where the user has none. */
  readonly credentials: ScramCredentials;
}

const slowedDown: Step = {
  next: 'refuse',
  reason: Reason.connectionRateExceeded,
  why: 'too many failed logins',
};

/** The same for a name each time, or asking twice would tell that nobody has it. */
function inventedCredentials(secret: Buffer, username: string): ScramCredentials {
  const key = hmac(secret, `SCRAM-SHA-256 ${username}`);
  return { salt: key.subarray(0, saltBytes), iterations: scramIterations, storedKey: key, serverKey: key };
}

/** The final message has to repeat the gs2-header, or somebody has changed it on the way, and the nonce (section 5.1). */
function checkEcho({ channelBinding, nonce }: ClientFinal, exchange: Exchange): void {
  if (channelBinding !== Buffer.from(exchange.gs2Header).toString('base64')) {
    throw malformed('channel binding does not repeat the gs2-header');
  }
  if (nonce !== exchange.nonce) throw malformed('nonce is not the one of this exchange');
}

/** ClientProof is ClientKey XOR ClientSignature, and StoredKey is the hash of ClientKey (section 3). */
function provesKey(proof: Buffer, storedKey: Buffer, signed: string): boolean {
  const signature = hmac(storedKey, signed);
  const clientKey = proof.map((byte, index) => byte ^ signature[index]!);
  return timingSafeEqual(sha256(clientKey), storedKey);
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
