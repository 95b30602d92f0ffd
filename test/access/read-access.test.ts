import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import type { AccessConfig } from '../../lambdas/access/access-config';
import { readAccessFile } from '../../lambdas/access/access-file';
import { InvalidAccessError } from '../../lambdas/access/invalid-access-error';
import { closedAccess, openAccess, packAccess, readAccess, unpackAccess } from '../../lambdas/access/read-access';
import { thrownBy } from '../support/thrown-by';

const issuer = { issuer: 'https://login.example', audience: ['app'] };

/** Every key, with a value other than the default. */
const full: AccessConfig = {
  anonymous: 'by-rules',
  users: false,
  issuers: [
    {
      issuer: 'https://login.example/realm',
      audience: ['app', 'console'],
      authorizedParties: ['phone', 'web'],
      jwksUri: 'https://keys.example/jwks',
      algorithms: ['PS256', 'ES384'],
      clockSkew: 5,
      usernameClaim: 'username',
      rulesClaim: 'mqtt',
      clientIdClaim: 'device',
    },
  ],
  handshake: 'required',
  rules: [{ name: 'news', actions: ['subscribe'], topics: ['news/#'], maxQos: 1, who: { kinds: ['token'] } }],
};

function problem(value: unknown): string {
  const error = thrownBy(() => readAccess(value));
  expect(error).toBeInstanceOf(InvalidAccessError);
  return (error as Error).message;
}

describe('readAccess', () => {
  test('accepts every key', () => {
    expect(readAccess(full)).toEqual(full);
  });

  test('allows only users of the accounts table by default', () => {
    expect(readAccess({})).toEqual({ anonymous: 'off', users: true, issuers: [], handshake: 'optional', rules: [] });
    expect(readAccess({})).toEqual(closedAccess);
  });

  test('requires address and audience of an issuer, and has defaults for the rest', () => {
    expect(readAccess({ issuers: [issuer] }).issuers).toEqual([
      { ...issuer, algorithms: ['RS256', 'ES256', 'EdDSA'], clockSkew: 30, usernameClaim: 'sub' },
    ]);
  });

  test('accepts one audience as a text', () => {
    expect(readAccess({ issuers: [{ ...issuer, audience: 'app' }] }).issuers[0]?.audience).toEqual(['app']);
  });

  test.each(['off', 'by-rules', 'everything'] as const)('accepts anonymous %s', (anonymous) => {
    expect(readAccess({ anonymous }).anonymous).toBe(anonymous);
  });

  test.each(['http://localhost:9000', 'http://127.0.0.1:9000/realm', 'http://127.1.2.3', 'http://[::1]:9000'])(
    'accepts unencrypted keys from this machine: %s',
    (address) => {
      const { issuers } = readAccess({ issuers: [{ ...issuer, issuer: address, jwksUri: address }] });

      expect(issuers[0]).toMatchObject({ issuer: address, jwksUri: address });
    },
  );

  test.each([
    'http://login.example',
    'http://127.0.0.1.example',
    'http://127.example',
    'http://localhost.example',
    'http://0.0.0.0',
    'ftp://localhost',
    'login.example',
  ])('refuses addresses of which others could replace the keys: %s', (address) => {
    const message = (key: string) => `access.issuers[0].${key} is "${address}", but must be an https:// address`;

    expect(problem({ issuers: [{ ...issuer, issuer: address }] })).toBe(message('issuer'));
    expect(problem({ issuers: [{ ...issuer, jwksUri: address }] })).toBe(message('jwksUri'));
  });

  test.each<[unknown, string]>([
    [[], 'access is [], but must be an object with anonymous, users, issuers, handshake, rules'],
    [null, 'access is null, but must be an object with anonymous, users, issuers, handshake, rules'],
    [{ user: true }, 'a key of access is "user", but must be one of anonymous, users, issuers, handshake, rules'],
    [{ anonymous: true }, 'access.anonymous is true, but must be one of off, by-rules, everything'],
    [{ anonymous: null }, 'access.anonymous is null, but must be one of off, by-rules, everything'],
    [{ users: 'yes' }, 'access.users is "yes", but must be true or false'],
    [{ issuers: issuer.issuer }, 'access.issuers is "https://login.example", but must be a list of 0 to 20 issuers'],
    [{ issuers: Array(21).fill(issuer) }, 'but must be a list of 0 to 20 issuers'],
    [{ issuers: [issuer, issuer] }, 'access.issuers[1].issuer is "https://login.example", but must be different from'],
    [{ handshake: 'never' }, 'access.handshake is "never", but must be one of optional, required'],
    [{ handshake: 'required' }, 'access.handshake is "required", but must be optional when there are no issuers'],
    [{ rules: {} }, 'access.rules is {}, but must be a list of 0 to 1000 rules'],
    [
      { rules: [{ actions: ['publish'], topics: ['a/#/b'] }] },
      'access.rules[0].topics[0] is "a/#/b", but must be a topic filter',
    ],
  ])('refuses %j', (wrong, message) => {
    expect(problem(wrong)).toContain(message);
  });

  test.each<[unknown, string]>([
    [7, ' is 7, but must be an object with issuer, audience, authorizedParties, jwksUri, algorithms, clockSkew,'],
    [{}, '.issuer is absent, but must be a text that is not empty'],
    [{ issuer: issuer.issuer }, '.audience is absent, but must be a list of 1 to 20 audiences'],
    [{ ...issuer, audience: [] }, '.audience is [], but must be a list of 1 to 20 audiences'],
    [{ ...issuer, audience: [''] }, '.audience[0] is "", but must be a text that is not empty'],
    [{ ...issuer, authorizedParties: [] }, '.authorizedParties is [], but must be a list of 1 to 20 clients'],
    [{ ...issuer, algorithms: [] }, '.algorithms is [], but must be a list of 1 to 7 algorithms'],
    [{ ...issuer, algorithms: ['none'] }, '.algorithms[0] is "none", but must be one of RS256, RS384, RS512, PS256,'],
    [{ ...issuer, algorithms: ['RS256', 'HS256'] }, '.algorithms[1] is "HS256", but must be one of RS256, RS384,'],
    [{ ...issuer, clockSkew: 301 }, '.clockSkew is 301, but must be a whole number from 0 to 300'],
    [{ ...issuer, clockSkew: 1.5 }, '.clockSkew is 1.5, but must be a whole number from 0 to 300'],
    [{ ...issuer, usernameClaim: '' }, '.usernameClaim is "", but must be a text that is not empty'],
    [{ ...issuer, rulesClaim: 1 }, '.rulesClaim is 1, but must be a text that is not empty'],
    [{ ...issuer, clientIdClaim: [] }, '.clientIdClaim is [], but must be a text that is not empty'],
  ])('refuses issuer %j', (wrong, message) => {
    expect(problem({ issuers: [wrong] })).toContain(`access.issuers[0]${message}`);
  });

  test('refuses a misspelt key, and names its place', () => {
    expect(problem({ issuers: [{ ...issuer, audiences: [] }] })).toMatch(
      /^a key of access\.issuers\[0\] is "audiences", but must be one of issuer, audience,/,
    );
  });
});

describe('a function', () => {
  test('reads what was packed', () => {
    for (const config of [full, closedAccess, openAccess]) expect(unpackAccess(packAccess(config))).toEqual(config);
  });

  test('reads JSON too, and has the default without a variable', () => {
    expect(unpackAccess(JSON.stringify(full))).toEqual(full);
    expect(unpackAccess(undefined)).toEqual(closedAccess);
  });

  test('gets a compressed configuration', () => {
    const rules = Array.from({ length: 30 }, (_, index) => ({
      actions: ['publish' as const],
      topics: [`devices/${index}/#`],
    }));
    const config = readAccess({ rules });

    expect(packAccess(config).length).toBeLessThan(JSON.stringify(config).length / 3);
  });

  test('refuses an invalid variable', () => {
    expect(() => unpackAccess('{"anonymous":"sure"}')).toThrow('access.anonymous is "sure"');
  });
});

describe('an access file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cirrus-access-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  function file(content: string): string {
    const path = join(folder, 'access.json');
    writeFileSync(path, content);
    return path;
  }

  test('is read', () => {
    expect(readAccessFile(file(JSON.stringify(full)))).toEqual(full);
  });

  test('is named in errors about its content', () => {
    const path = file('{"rules":[{"actions":["publish"],"topics":["a#"]}]}');

    expect(() => readAccessFile(path)).toThrow(`${path}.rules[0].topics[0] is "a#", but must be a topic filter`);
  });

  test('is named in one line if it is not JSON', () => {
    const path = file('{\n  "anonymous": "off",\n}\n');

    const { message } = thrownBy(() => readAccessFile(path)) as Error;

    expect(message).toContain(`${path} is not JSON: `);
    expect(message).not.toContain('\n');
  });

  test.each([join(folder, 'nowhere.json'), folder])('is named if it cannot be read: %s', (path) => {
    expect(() => readAccessFile(path)).toThrow(new RegExp(`^${path} cannot be read: E`));
  });
});
