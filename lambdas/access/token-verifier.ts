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

/** Maximum size of a token in bytes; a token with a hundred groups has about 6,000. */
const maxTokenBytes = 16 * 1024;

/** Maximum size of an identity as JSON, in bytes. It is stored with the connection, and written again with most packets. */
const maxIdentityBytes = 4096;

/** Maximum number of keys tried for one token: more keys of the same name would let senders of garbage cause work. */
const maxKeysTried = 8;

/** Values of `typ` by RFC 9068 section 2.1 and RFC 7519 section 5.1; tokens of other types have other purposes. */
const acceptedTypes = new Set(['jwt', 'at+jwt', 'application/jwt', 'application/at+jwt']);

/** Values of `token_use` of Cognito; its refresh tokens are not JWTs. */
const acceptedUses = new Set<unknown>(['access', 'id']);

export type TokenOutcome =
  | { readonly identity: Identity }
  /**
   * `refused` is the cause for the log, without any part of the token. `reason` is `notAuthorized`, or `serverUnavailable` if the
   * issuer cannot be reached: then the token may be valid. CONNACK has both codes.
   */
  | { readonly refused: string; readonly reason: number };

export interface TokenRules {
  /** Claims that rules refer to; identities contain only these. */
  readonly claimNames: ReadonlySet<string>;
  /** Reads the rules in a token; error messages call them `where`. @throws Error */
  readonly readRules: (value: unknown, where: string) => readonly Rule[];
}

/**
 * Verifies JSON Web Tokens (RFC 7519) of the configured issuers, following RFC 8725. It accepts only keys of the issuer and the
 * configured algorithms, none of which is symmetric. So it refuses `none`, and tokens signed with the text of a public key.
 */
export class TokenVerifier {
  private readonly issuers: ReadonlyMap<string, { readonly config: Issuer; readonly keys: IssuerKeys }>;

  /** @throws Error if the address of an issuer is neither https nor on this machine */
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
    if (Buffer.byteLength(token) > maxTokenBytes) throw new Refusal('the token is too long');
    const issuer = this.issuers.get(String(decodeJwt(token).iss));
    if (issuer === undefined) throw new Refusal('the issuer of the token is not accepted');
    const { config, keys } = issuer;
    const { typ } = decodeProtectedHeader(token);
    if (typ !== undefined && !acceptedTypes.has(String(typ).toLowerCase()))
      throw new Refusal('the token is for another purpose');
    const payload = await payloadOf(token, keys.keyFinder(now), {
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
      // Valid as long as the clock that is furthest behind accepts the token.
      expiresAt: Math.floor((payload.exp! + issuer.clockSkew) * 1000),
    };
    if (Buffer.byteLength(JSON.stringify(identity)) > maxIdentityBytes)
      throw new Refusal('the token has too many claims or rules');
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
      throw new Refusal('the token has invalid rules'); // the message of the error would quote them
    }
  }
}

const unreachable: TokenOutcome = { refused: 'the issuer cannot be reached', reason: Reason.serverUnavailable };

/** Distinguishes tokens from passwords: a JWT has three parts in base64url, and the first is a JSON object. */
export function looksLikeToken(password: Buffer | string): boolean {
  // The bits of "{" make the first character an "e" and leave sixteen choices for the second.
  return /^e[w-z0-9_-][\w-]+\.[\w-]+\.[\w-]*$/.test(password.toString('latin1'));
}

/**
 * Verifies the signature and returns the claims. If several keys match the `kid` of the token, or it has none, each key is tried
 * (RFC 7517 section 4.5: equivalent keys may share a `kid`).
 */
async function payloadOf(token: string, findKey: JWTVerifyGetKey, options: JWTVerifyOptions): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, findKey, options)).payload;
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    return payloadByAnyKey(error, token, options);
  }
}

async function payloadByAnyKey(
  keys: errors.JWKSMultipleMatchingKeys,
  token: string,
  options: JWTVerifyOptions,
): Promise<JWTPayload> {
  let tried = 0;
  for await (const key of keys) {
    if (tried === maxKeysTried) break;
    tried += 1;
    try {
      return (await jwtVerify(token, key, options)).payload;
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
    }
  }
  throw new errors.JWSSignatureVerificationFailed();
}

/** The token is refused; the message contains no part of it. */
class Refusal extends Error {
  override readonly name = 'Refusal';
}

/** Checks the claims that `jwtVerify` does not: audience, authorized party, purpose, and that `iat` is not in the future. */
function checkClaims(payload: JWTPayload, { audience, authorizedParties, clockSkew }: Issuer, now: number): void {
  const { token_use: use, iat, exp, azp, client_id: clientId } = payload;
  // A token without `aud` is for the client that it was issued to: a token for another audience has an `aud`.
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

/** Describes the error of a token by a fixed text; undefined if the error has another cause. */
function refusalOf(error: unknown): string | undefined {
  if (error instanceof Refusal) return error.message;
  if (error instanceof errors.JWTExpired) return 'the token has expired';
  if (error instanceof errors.JWTClaimValidationFailed) {
    return error.claim === 'nbf' ? 'the token is not valid yet' : 'the token has claims that are missing or not valid';
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return 'the token is signed with an algorithm that is not accepted';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'the signature of the token is wrong';
  if (error instanceof errors.JWKSNoMatchingKey) return 'the token is signed with a key that its issuer does not have';
  // `decodeJwt` and `decodeProtectedHeader` throw a JOSEError or a TypeError if the text is not a token.
  return error instanceof errors.JOSEError || error instanceof TypeError ? 'the token is malformed' : undefined;
}
