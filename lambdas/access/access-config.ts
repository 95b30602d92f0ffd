import type { Rule } from './rule';

/** Who may come in, and what they may do: the whole of it, as an operator writes it down. */
export interface AccessConfig {
  /** Clients without any proof: not let in, let in to do what the rules allow, or let in to do everything. */
  readonly anonymous: 'off' | 'by-rules' | 'everything';
  /** Users of the accounts table may log in, with passwords and with SCRAM-SHA-256. */
  readonly users: boolean;
  /** Whose tokens are accepted. */
  readonly issuers: readonly Issuer[];
  /** `required`: who brings no valid token to the handshake is refused before anything else is paid for. */
  readonly handshake: 'optional' | 'required';
  /** For everybody; accounts and tokens add theirs. */
  readonly rules: readonly Rule[];
}

/** One issuer of JSON Web Tokens. */
export interface Issuer {
  /** `iss`, from which OpenID Connect discovery finds the keys unless `jwksUri` is given. */
  readonly issuer: string;
  /** `aud` or, as Cognito's access tokens have it, `client_id`; one of these. */
  readonly audience: readonly string[];
  /** Clients that tokens may have been issued to, by `azp` or, as in RFC 9068, `client_id`; absent: any. */
  readonly authorizedParties?: readonly string[];
  readonly jwksUri?: string;
  readonly algorithms: readonly SignatureAlgorithm[];
  /** Seconds that clocks may differ. */
  readonly clockSkew: number;
  readonly usernameClaim: string;
  /** Claim with a list of rules, if tokens may carry them. */
  readonly rulesClaim?: string;
  /** Claim with the only client id that the token is good for. */
  readonly clientIdClaim?: string;
}

export type SignatureAlgorithm = 'RS256' | 'RS384' | 'RS512' | 'PS256' | 'ES256' | 'ES384' | 'EdDSA';
