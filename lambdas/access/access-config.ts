import {
  checked,
  choice,
  flag,
  list,
  object,
  optional,
  type Place,
  type Read,
  type Reader,
  wholeNumber,
  withDefault,
} from '../shared/read-json';
import { isLoopback } from './loopback';
import { nonEmptyText } from './non-empty-text';
import { ruleList } from './rule';

const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'ES256', 'ES384', 'EdDSA'] as const;

/** On an unencrypted line anybody could replace the keys of an issuer; addresses of this machine have no line. */
const safeUrl = checked(nonEmptyText, (address, place) => {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url));
  if (!isSafe) place.refuse(address, 'an https:// address');
});

/** Reads a list of names; a single name may be written without a list. */
function names(of: string): Reader<string[]> {
  const read = list(nonEmptyText, { min: 1, max: 20, of });
  return (value, place) => read(typeof value === 'string' ? [value] : value, place);
}

const issuerObject = object({
  /** `iss` of the tokens. OpenID Connect Discovery finds the keys from it if there is no `jwksUri`. */
  issuer: safeUrl,
  /** Accepted values of `aud`, or of `client_id` in access tokens of Cognito. */
  audience: names('audiences'),
  /** Accepted values of `azp`, or of `client_id` as in RFC 9068; by default any. */
  authorizedParties: optional(names('clients')),
  jwksUri: optional(safeUrl),
  algorithms: withDefault(list(choice(algorithms), { min: 1, max: algorithms.length, of: 'algorithms' }), [
    'RS256',
    'ES256',
    'EdDSA',
  ]),
  /** Tolerated difference between clocks, in seconds. */
  clockSkew: withDefault(wholeNumber({ min: 0, max: 300 }), 30),
  usernameClaim: withDefault(nonEmptyText, 'sub'),
  /** Claim with a list of rules; by default tokens carry no rules. */
  rulesClaim: optional(nonEmptyText),
  /** Claim with the only client id that the token may be used for; by default any. */
  clientIdClaim: optional(nonEmptyText),
});

/** An issuer of JSON Web Tokens. */
export interface Issuer extends Read<typeof issuerObject> {}
export type SignatureAlgorithm = (typeof algorithms)[number];

function checkRepetitions(issuers: readonly Issuer[], place: Place): void {
  const names = issuers.map(({ issuer }) => issuer);
  const index = names.findIndex((name, position) => names.indexOf(name) < position);
  if (index !== -1) place.below(index).below('issuer').refuse(names[index], 'different from the issuers before it');
}

const accessObject = object({
  /** Clients without credentials: refused, allowed what the rules say, or allowed everything. */
  anonymous: withDefault(choice(['off', 'by-rules', 'everything']), 'off'),
  /** True if users of the accounts table may log in, with passwords and with SCRAM-SHA-256. */
  users: withDefault(flag, true),
  /** Issuers whose tokens are accepted. */
  issuers: withDefault(checked(list(issuerObject, { min: 0, max: 20, of: 'issuers' }), checkRepetitions), []),
  /** `required`: the handshake refuses clients without a valid token, before they cause further costs. */
  handshake: withDefault(choice(['optional', 'required']), 'optional'),
  /** Rules for all clients; accounts and tokens add their own. */
  rules: withDefault(ruleList, []),
});

/** The access configuration: who may connect, and what clients may do. */
export interface AccessConfig extends Read<typeof accessObject> {}

export const accessConfig: Reader<AccessConfig> = checked(accessObject, ({ handshake, issuers }, place) => {
  if (handshake === 'required' && issuers.length === 0)
    place
      .below('handshake')
      .refuse(handshake, 'optional when there are no issuers, because otherwise nobody could connect');
});
