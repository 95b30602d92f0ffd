import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { AccessConfig, Issuer, SignatureAlgorithm } from './access-config';
import { readChoice, readFlag, readList, readObject, readText, readWholeNumber, refuse } from './checked-json';
import { isLoopback } from './loopback';
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
  'authorizedParties',
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
  const given = givenIn(readObject(value, where, keys), where);
  const config: AccessConfig = {
    anonymous:
      given('anonymous', (choice, at) => readChoice(choice, at, ['off', 'by-rules', 'everything'])) ??
      closedAccess.anonymous,
    users: given('users', readFlag) ?? closedAccess.users,
    issuers: given('issuers', readIssuers) ?? closedAccess.issuers,
    handshake:
      given('handshake', (choice, at) => readChoice(choice, at, ['optional', 'required'])) ?? closedAccess.handshake,
    rules: given('rules', readRules) ?? closedAccess.rules,
  };
  if (config.handshake === 'required' && config.issuers.length === 0) {
    refuse('required', `${where}.handshake`, 'optional when there are no issuers, because then nobody could come in');
  }
  return config;
}

function readIssuers(value: unknown, where: string): Issuer[] {
  const issuers = readList(value, where, { min: 0, max: 20, of: 'issuers' }, readIssuer);
  const names = issuers.map(({ issuer }) => issuer);
  const again = names.findIndex((name, index) => names.indexOf(name) < index);
  if (again !== -1) refuse(names[again], `${where}[${again}].issuer`, 'another than those before it');
  return issuers;
}

function readIssuer(value: unknown, where: string): Issuer {
  const object = readObject(value, where, issuerKeys);
  const given = givenIn(object, where);
  return {
    issuer: readUrl(object.issuer, `${where}.issuer`),
    audience: readNames(object.audience, `${where}.audience`, 'audiences'),
    authorizedParties: given('authorizedParties', (parties, at) => readNames(parties, at, 'clients')),
    jwksUri: given('jwksUri', readUrl),
    algorithms: given('algorithms', readAlgorithms) ?? defaultAlgorithms,
    clockSkew: given('clockSkew', (seconds, at) => readWholeNumber(seconds, at, 0, 300)) ?? 30,
    usernameClaim: given('usernameClaim', readText) ?? 'sub',
    rulesClaim: given('rulesClaim', readText),
    clientIdClaim: given('clientIdClaim', readText),
  };
}

/** Reads what an object has under a key that it may lack. */
function givenIn(object: Record<string, unknown>, where: string) {
  return <Value>(key: string, read: (value: unknown, where: string) => Value): Value | undefined =>
    object[key] === undefined ? undefined : read(object[key], `${where}.${key}`);
}

function readNames(value: unknown, where: string, of: string): string[] {
  const list = typeof value === 'string' ? [value] : value;
  return readList(list, where, { min: 1, max: 20, of }, readText);
}

function readAlgorithms(value: unknown, where: string): SignatureAlgorithm[] {
  return readList(value, where, { min: 1, max: algorithms.length, of: 'algorithms' }, (name, at) =>
    readChoice(name, at, algorithms),
  );
}

/** Keys that came over an open line could be anybody's; on the machine itself there is no line. */
function readUrl(value: unknown, where: string): string {
  const text = readText(value, where);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url));
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
