import {
  decodeJwt,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  jwtVerify,
} from 'jose';
import { isAllowedText } from '../protocol/disallowed-characters';
import { Reason } from '../protocol/reason-codes';
import type { Issuer } from './access-config';
import type { Identity } from './identity';
import { IssuerKeys, IssuerUnreachableError } from './issuer-keys';
import type { Rule } from './rule';

/** Bytes of the longest token that is looked into; with a hundred groups in it, one has about 6,000. */
const longestToken = 16 * 1024;

/** Bytes of an identity as JSON. It is stored with the connection, and written again with most packets. */
const largestIdentity = 4096;

/** Keys of one token that are tried: more of the same name would be work for whoever signs garbage. */
const mostKeys = 8;

/** What RFC 9068 section 2.1 and RFC 7519 section 5.1 call a token that may be accepted; others are for other purposes. */
const acceptedTypes = new Set(['jwt', 'at+jwt', 'application/jwt', 'application/at+jwt']);

/** Cognito's; its refresh tokens are no JWTs. */
const acceptedUses = new Set<unknown>(['access', 'id']);

export type TokenOutcome =
  | { readonly identity: Identity }
  /**
   * `refused` says why and holds nothing of the token. `reason` is `notAuthorized`, or `serverUnavailable` when the issuer
   * cannot be reached: then the token may be good, and nobody has failed to log in. CONNACK has both codes.
   */
  | { readonly refused: string; readonly reason: number };

export interface TokenRules {
  /** Claims that rules refer to: these and no others go into identities. */
  readonly claimNames: ReadonlySet<string>;
  /** Checks the rules a token carries. `where` is for its errors. @throws Error */
  readonly readRules: (value: unknown, where: string) => readonly Rule[];
}

/**
 * Verifies JSON Web Tokens (RFC 7519) of the configured issuers, by the advice of RFC 8725. Keys are only ever those of the
 * issuer and the algorithm is one of those configured, none of them symmetric, so `none` is refused, and so is a token
 * signed with the text of a public key.
 */
export class TokenVerifier {
  private readonly issuers: ReadonlyMap<string, { readonly config: Issuer; readonly keys: IssuerKeys }>;

  /** @throws Error when an issuer's address is neither https nor on this machine. */
  constructor(
    issuers: readonly Issuer[],
    private readonly rules: TokenRules,
  ) {
    this.issuers = new Map(issuers.map((config) => [config.issuer, { config, keys: new IssuerKeys(config) }]));
  }

  /** `now` in milliseconds since 1970. */
  async verify(token: string, now: number): Promise<TokenOutcome> {
    try {
      return { identity: await this.identify(token, now) };
    } catch (error) {
      if (error instanceof IssuerUnreachableError) return unreachable;
      const refused = refusalOf(error);
      if (refused === undefined) throw error;
      return { refused, reason: Reason.notAuthorized };
    }
  }

  private async identify(token: string, now: number): Promise<Identity> {
    if (Buffer.byteLength(token) > longestToken) throw new Refusal('the token is too long');
    const issuer = this.issuers.get(String(decodeJwt(token).iss));
    if (issuer === undefined) throw new Refusal('the token is of an issuer that is not accepted');
    const { config, keys } = issuer;
    const { typ } = decodeProtectedHeader(token);
    if (typ !== undefined && !acceptedTypes.has(String(typ).toLowerCase()))
      throw new Refusal('the token is for another purpose');
    const payload = await payloadOf(token, keys.finder(now), {
      algorithms: [...config.algorithms],
      issuer: config.issuer,
      requiredClaims: ['exp'],
      clockTolerance: config.clockSkew,
      currentDate: new Date(now),
    });
    checkClaims(payload, config, now);
    return this.identityOf(payload, config);
  }

  private identityOf(payload: JWTPayload, issuer: Issuer): Identity {
    const username = textClaim(payload, issuer.usernameClaim, 'the token names no user');
    const clientId =
      issuer.clientIdClaim === undefined
        ? undefined
        : textClaim(payload, issuer.clientIdClaim, 'the token names no client id');
    const claims = this.claimsOf(payload);
    if (![username, clientId ?? '', ...Object.values(claims ?? {})].every(isAllowedText)) {
      throw new Refusal('the token has control characters or noncharacters in a claim');
    }
    const rules = issuer.rulesClaim === undefined ? undefined : this.rulesOf(payload, issuer.rulesClaim);
    const identity: Identity = {
      kind: 'token',
      username,
      issuer: issuer.issuer,
      ...(claims === undefined ? {} : { claims }),
      ...(clientId === undefined ? {} : { clientId }),
      ...(rules === undefined ? {} : { rules }),
      // As long as it would still be accepted by the clock that is furthest behind.
      expiresAt: Math.floor((payload.exp! + issuer.clockSkew) * 1000),
    };
    if (Buffer.byteLength(JSON.stringify(identity)) > largestIdentity) throw new Refusal('the token says too much');
    return identity;
  }

  private claimsOf(payload: JWTPayload): Readonly<Record<string, string>> | undefined {
    const claims = Object.entries(payload).flatMap(([name, value]) =>
      this.rules.claimNames.has(name) && ['string', 'number', 'boolean'].includes(typeof value)
        ? [[name, String(value)] as const]
        : [],
    );
    return claims.length === 0 ? undefined : Object.fromEntries(claims);
  }

  private rulesOf(payload: JWTPayload, claim: string): readonly Rule[] | undefined {
    if (!Object.hasOwn(payload, claim)) return undefined;
    try {
      return this.rules.readRules(payload[claim], `claim ${claim}`);
    } catch {
      throw new Refusal('the token has rules that are not valid'); // the error would quote them
    }
  }
}

const unreachable: TokenOutcome = { refused: 'the issuer cannot be reached', reason: Reason.serverUnavailable };

/**
 * Whether this has the form of a JWT: three parts in base64url, the first of them a JSON object. It is for telling tokens
 * from passwords, and says nothing about their worth.
 */
export function looksLikeToken(password: Buffer | string): boolean {
  // "{" alone makes the first character an "e" and leaves sixteen for the second.
  return /^e[w-z0-9_-][\w-]+\.[\w-]+\.[\w-]*$/.test(password.toString('latin1'));
}

/**
 * The claims of a token whose signature is right. Where several keys go by the name that the token says, or it says none, each is tried
 * (RFC 7517 section 4.5: the same `kid` may stand for keys that are alternatives).
 */
async function payloadOf(token: string, findKey: JWTVerifyGetKey, options: JWTVerifyOptions): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, findKey, options)).payload;
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    return payloadByOneOf(error, token, options);
  }
}

async function payloadByOneOf(
  keys: errors.JWKSMultipleMatchingKeys,
  token: string,
  options: JWTVerifyOptions,
): Promise<JWTPayload> {
  let tried = 0;
  for await (const key of keys) {
    if (tried === mostKeys) break;
    tried += 1;
    try {
      return (await jwtVerify(token, key, options)).payload;
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
    }
  }
  throw new errors.JWSSignatureVerificationFailed();
}

/** A reason to refuse a token, which holds nothing of it. */
class Refusal extends Error {
  override readonly name = 'Refusal';
}

/** What `jwtVerify` leaves to us: whom the token is for, to whom and for what it was issued, and that it was not issued in the future. */
function checkClaims(payload: JWTPayload, { audience, authorizedParties, clockSkew }: Issuer, now: number): void {
  const { token_use: use, iat, exp, azp, client_id: clientId } = payload;
  // The client that a token was issued to is its audience where no other is named: a token for others has an `aud`.
  const audiences = [Object.hasOwn(payload, 'aud') ? payload.aud : payload.client_id].flat();
  if (!audiences.some((name) => audience.includes(name as string)))
    throw new Refusal('the token is for another audience');
  const party = Object.hasOwn(payload, 'azp') ? azp : clientId;
  if (authorizedParties && !authorizedParties.includes(party as string))
    throw new Refusal('the token was issued to another client');
  if (use !== undefined && !acceptedUses.has(use)) throw new Refusal('the token is for another purpose');
  if (iat !== undefined && !(iat <= now / 1000 + clockSkew)) throw new Refusal('the token is not valid yet');
  if (!Number.isSafeInteger(Math.floor(exp! * 1000))) throw new Refusal('the token never expires');
}

function textClaim(payload: JWTPayload, name: string, missing: string): string {
  const value = Object.hasOwn(payload, name) ? payload[name] : undefined;
  if (typeof value !== 'string' || value === '') throw new Refusal(missing);
  return value;
}

/** A fixed phrase for what is wrong with a token; undefined when the error is not about one. */
function refusalOf(error: unknown): string | undefined {
  if (error instanceof Refusal) return error.message;
  if (error instanceof errors.JWTExpired) return 'the token has expired';
  if (error instanceof errors.JWTClaimValidationFailed) {
    return error.claim === 'nbf' ? 'the token is not valid yet' : 'the token has claims that are missing or not valid';
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return 'the token is signed with an algorithm that is not accepted';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'the signature of the token is wrong';
  if (error instanceof errors.JWKSNoMatchingKey) return 'the token is signed with a key that its issuer does not have';
  // `decodeJwt` and `decodeProtectedHeader` throw a JOSEError or a TypeError for what is no token.
  return error instanceof errors.JOSEError || error instanceof TypeError ? 'this is not a valid token' : undefined;
}
