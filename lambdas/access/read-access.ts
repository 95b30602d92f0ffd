import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { AccessConfig, Issuer, SignatureAlgorithm } from './access-config';
import { readChoice, readFlag, readList, readObject, readText, readWholeNumber, refuse } from './checked-json';
import { readRules } from './read-rules';

/** Nobody but users of the accounts table, who may do what their accounts say. */
export const closedAccess: AccessConfig = {
  anonymous: 'off',
  users: true,
  issuers: [],
  handshake: 'optional',
  rules: [],
};

/** Everybody may do everything: for a broker that nobody else can reach. */
export const openAccess: AccessConfig = { ...closedAccess, anonymous: 'everything' };

const keys = ['anonymous', 'users', 'issuers', 'handshake', 'rules'];
const issuerKeys = [
  'issuer',
  'audience',
  'jwksUri',
  'algorithms',
  'clockSkew',
  'usernameClaim',
  'rulesClaim',
  'clientIdClaim',
];
const algorithms: readonly SignatureAlgorithm[] = ['RS256', 'RS384', 'RS512', 'PS256', 'ES256', 'ES384', 'EdDSA'];
const defaultAlgorithms: readonly SignatureAlgorithm[] = ['RS256', 'ES256', 'EdDSA'];

/** Access as an operator wrote it down, in parsed JSON. What is absent is as in `closedAccess`. */
export function readAccess(value: unknown, where = 'access'): AccessConfig {
  const { anonymous, users, issuers, handshake, rules } = readObject(value, where, keys);
  const config: AccessConfig = {
    anonymous:
      anonymous === undefined
        ? closedAccess.anonymous
        : readChoice(anonymous, `${where}.anonymous`, ['off', 'by-rules', 'everything']),
    users: users === undefined ? closedAccess.users : readFlag(users, `${where}.users`),
    issuers:
      issuers === undefined
        ? []
        : readList(issuers, `${where}.issuers`, { min: 0, max: 20, of: 'issuers' }, readIssuer),
    handshake:
      handshake === undefined
        ? closedAccess.handshake
        : readChoice(handshake, `${where}.handshake`, ['optional', 'required']),
    rules: rules === undefined ? [] : readRules(rules, `${where}.rules`),
  };
  if (config.handshake === 'required' && config.issuers.length === 0) {
    refuse('required', `${where}.handshake`, 'optional when there are no issuers, because then nobody could come in');
  }
  return config;
}

function readIssuer(value: unknown, where: string): Issuer {
  const given = readObject(value, where, issuerKeys);
  const optional = (key: string) =>
    given[key] === undefined ? {} : { [key]: readText(given[key], `${where}.${key}`) };
  const { audience, clockSkew } = given;
  return {
    issuer: readUrl(given.issuer, `${where}.issuer`),
    audience: readList(
      typeof audience === 'string' ? [audience] : audience,
      `${where}.audience`,
      { min: 1, max: 20, of: 'audiences' },
      readText,
    ),
    ...(given.jwksUri === undefined ? {} : { jwksUri: readUrl(given.jwksUri, `${where}.jwksUri`) }),
    algorithms:
      given.algorithms === undefined
        ? defaultAlgorithms
        : readList(given.algorithms, `${where}.algorithms`, { min: 1, max: 7, of: 'algorithms' }, (name, at) =>
            readChoice(name, at, algorithms),
          ),
    clockSkew: clockSkew === undefined ? 30 : readWholeNumber(clockSkew, `${where}.clockSkew`, 0, 300),
    usernameClaim: 'sub',
    ...optional('usernameClaim'),
    ...optional('rulesClaim'),
    ...optional('clientIdClaim'),
  };
}

/** Keys that came over an open line could be anybody's; on the machine itself there is no line. */
function readUrl(value: unknown, where: string): string {
  const text = readText(value, where);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isSafe =
    url?.protocol === 'https:' || (url?.protocol === 'http:' && /^(localhost|127\..*|\[::1\])$/.test(url.hostname));
  return isSafe ? text : refuse(value, where, 'an https:// address');
}

/** As a function's environment carries it: Lambda allows 4 KB for all variables together, so it is compressed. */
export function packAccess(config: AccessConfig): string {
  return deflateRawSync(JSON.stringify(config), { level: 9 }).toString('base64');
}

/** What `packAccess` wrote, or the JSON itself; closed when there is nothing. */
export function unpackAccess(text: string | undefined): AccessConfig {
  if (text === undefined) return closedAccess;
  return readAccess(JSON.parse(text.startsWith('{') ? text : inflateRawSync(Buffer.from(text, 'base64')).toString()));
}
