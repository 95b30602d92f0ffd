import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { exportJWK, SignJWT } from 'jose';
import type { Issuer } from '../../lambdas/access/access-config';
import type { Rule } from '../../lambdas/access/rule';
import { looksLikeToken, TokenVerifier } from '../../lambdas/access/token-verifier';
import { Reason } from '../../lambdas/protocol/reason-codes';
import { KeyServer } from '../support/key-server';
import { OidcProvider } from '../support/oidc-provider';

const rule: Rule = { actions: ['publish'], topics: ['a/b'] };

/** Replaces the reader of rules, which has its own tests. */
function readRules(value: unknown, where: string): readonly Rule[] {
  if (JSON.stringify(value) !== JSON.stringify([rule]))
    throw new Error(`${where}: ${JSON.stringify(value)} is no rule`);
  return [rule];
}

function issuerOf(issuer: string, changes: Partial<Issuer> = {}): Issuer {
  return {
    issuer,
    audience: ['mqtt', 'another'],
    algorithms: ['RS256', 'ES256', 'EdDSA'],
    clockSkew: 10,
    usernameClaim: 'sub',
    ...changes,
  };
}

function verifierOf(issuers: Issuer[], ...claimNames: string[]): TokenVerifier {
  return new TokenVerifier(issuers, { claimNames: new Set(claimNames), readRules });
}

const refused = (why: string) => ({ refused: why, reason: Reason.notAuthorized });
const unreachable = { refused: 'the issuer cannot be reached', reason: Reason.serverUnavailable };

/** Changes the JSON parts of a token and joins them again with the old signature. */
function forge(token: string, changes: { header?: object; payload?: object; signature?: string }): string {
  const [header, payload, signature] = token.split('.');
  const edit = (part: string, change = {}) =>
    Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(part, 'base64url').toString()), ...change })).toString(
      'base64url',
    );
  return [edit(header!, changes.header), edit(payload!, changes.payload), changes.signature ?? signature].join('.');
}

describe('a token of an OpenID Connect provider', () => {
  let provider: OidcProvider;
  let verifier: TokenVerifier;
  beforeAll(async () => {
    provider = await OidcProvider.start();
    verifier = verifierOf(
      [issuerOf('https://another.example'), issuerOf(provider.issuer)],
      'room',
      'floor',
      'on',
      'list',
    );
  });
  afterAll(() => provider.stop());

  it.each(['RS256', 'ES256', 'EdDSA'] as const)('signed with %s proves the identity of its subject', async (alg) => {
    const now = Date.now();

    const outcome = await verifier.verify(await provider.token({ alg, ttl: 60 }), now);

    const identity = { kind: 'token', username: 'device', issuer: provider.issuer, expiresAt: expect.any(Number) };
    expect(outcome).toEqual({ identity });
    const { expiresAt } = (outcome as { identity: { expiresAt: number } }).identity;
    expect(Math.abs(expiresAt - (now + 70_000))).toBeLessThan(5000); // 60 seconds, and 10 of clock skew
  });

  it('results in the claims that rules refer to, as text, and no others', async () => {
    const claims = { room: 'kitchen', floor: 3, on: false, list: ['x'], unasked: 'x', rules: [] };

    await expect(verifier.verify(await provider.token({ claims }), Date.now())).resolves.toMatchObject({
      identity: { claims: { room: 'kitchen', floor: '3', on: 'false' } },
    });
  });

  it('is accepted until it has expired on the clock that is furthest behind', async () => {
    const token = await provider.token({ ttl: 60 });
    const issuedAt = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()).iat * 1000;

    await expect(verifier.verify(token, issuedAt + 69_999)).resolves.toHaveProperty('identity');
    await expect(verifier.verify(token, issuedAt + 70_000)).resolves.toEqual(refused('the token has expired'));
  });

  it('is not valid before it was issued', async () => {
    const token = await provider.token();

    await expect(verifier.verify(token, Date.now() - 5_000)).resolves.toHaveProperty('identity');
    await expect(verifier.verify(token, Date.now() - 15_000)).resolves.toEqual(refused('the token is not valid yet'));
  });

  it('is not valid before nbf', async () => {
    const token = await provider.token({ claims: { nbf: Math.floor(Date.now() / 1000) + 60 } });

    await expect(verifier.verify(token, Date.now())).resolves.toEqual(refused('the token is not valid yet'));
    await expect(verifier.verify(token, Date.now() + 60_000)).resolves.toHaveProperty('identity');
  });

  it('for another audience is refused, whatever client it was issued to', async () => {
    const ofClient = verifierOf([issuerOf(provider.issuer, { audience: ['device'] })]);

    for (const candidate of [verifier, ofClient]) {
      await expect(candidate.verify(await provider.token({ audience: 'shop' }), Date.now())).resolves.toEqual(
        refused('the token is for another audience'),
      );
    }
  });

  it('is bound to a client id by a claim', async () => {
    const bound = verifierOf([issuerOf(provider.issuer, { clientIdClaim: 'client_id' })]);
    const unbound = verifierOf([issuerOf(provider.issuer, { clientIdClaim: 'device_id' })]);

    await expect(bound.verify(await provider.token(), Date.now())).resolves.toMatchObject({
      identity: { clientId: 'device' },
    });
    await expect(unbound.verify(await provider.token(), Date.now())).resolves.toEqual(
      refused('the token names no client id'),
    );
  });

  it('may contain rules if the issuer is configured so', async () => {
    const withRules = verifierOf([issuerOf(provider.issuer, { rulesClaim: 'https://mqtt.example/rules' })]);
    const verify = async (claims: object) =>
      withRules.verify(await provider.token({ claims: claims as Record<string, unknown> }), Date.now());

    const [none, good, bad] = await Promise.all([
      verify({}),
      verify({ 'https://mqtt.example/rules': [rule] }),
      verify({ 'https://mqtt.example/rules': [{ actions: ['everything'] }] }),
    ]);

    expect(none).not.toHaveProperty('identity.rules');
    expect(good).toMatchObject({ identity: { rules: [rule] } });
    expect(bad).toEqual(refused('the token has invalid rules'));
  });

  it('must have the username claim', async () => {
    const byRoom = verifierOf([issuerOf(provider.issuer, { usernameClaim: 'room' })]);
    const userOf = async (claims: Record<string, unknown>) =>
      byRoom.verify(await provider.token({ claims }), Date.now());

    await expect(userOf({ room: 'kitchen' })).resolves.toMatchObject({ identity: { username: 'kitchen' } });
    for (const claims of [{}, { room: '' }, { room: 7 }, { room: ['kitchen'] }]) {
      await expect(userOf(claims)).resolves.toEqual(refused('the token names no user'));
    }
  });

  it.each(['\uffff', 'a\u0001', '\ufdd0', 'a\u{1ffff}'])('with %j in a used claim is refused', async (text) => {
    const bound = verifierOf([issuerOf(provider.issuer, { usernameClaim: 'room', clientIdClaim: 'floor' })], 'list');
    for (const name of ['room', 'floor', 'list']) {
      const claims = { room: 'kitchen', floor: 'first', list: 'short', [name]: text };
      await expect(bound.verify(await provider.token({ claims }), Date.now())).resolves.toEqual(
        refused('the token has control characters or noncharacters in a claim'),
      );
    }
    const claims = { room: 'kitchen', floor: 'first', other: text };
    await expect(bound.verify(await provider.token({ claims }), Date.now())).resolves.toHaveProperty('identity');
  });

  it('that results in a too large identity is refused', async () => {
    const token = await provider.token({ claims: { room: 'x'.repeat(4096) } });

    await expect(verifier.verify(token, Date.now())).resolves.toEqual(
      refused('the token has too many claims or rules'),
    );
  });

  it('changed in any part is refused', async () => {
    const token = await provider.token({ alg: 'ES256' });

    for (const changes of [
      { payload: { sub: 'admin' } },
      { header: { x: 1 } },
      { signature: 'A'.repeat(86) },
      { signature: '' },
      { header: { alg: 'RS256', kid: 'RS256-1' } },
    ]) {
      await expect(verifier.verify(forge(token, changes), Date.now())).resolves.toEqual(
        refused('the signature of the token is wrong'),
      );
    }
  });

  it.each(['none', 'None', 'HS256', 'RS384', 'RSA-OAEP', ''])(
    'that says its algorithm is %j is refused',
    async (alg) => {
      const token = forge(await provider.token(), { header: { alg }, signature: '' });

      const outcome = await verifier.verify(token, Date.now());

      expect(outcome).toEqual(
        refused(alg === '' ? 'the token is malformed' : (expect.stringContaining('algorithm') as never)),
      );
    },
  );

  it('signed with the text of a public key as a secret is refused', async () => {
    const keys = (await (await fetch(`${provider.issuer}/jwks`)).json()) as { keys: { kid: string }[] };
    const [jwk] = keys.keys;
    const pem = createPublicKey({ key: jwk as never, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
    for (const secret of [pem, JSON.stringify(jwk)]) {
      const token = await new SignJWT({ sub: 'admin', aud: 'mqtt' })
        .setProtectedHeader({ alg: 'HS256', kid: jwk!.kid })
        .setIssuer(provider.issuer)
        .setExpirationTime('1h')
        .sign(Buffer.from(secret as string));

      await expect(verifier.verify(token, Date.now())).resolves.toEqual(
        refused('the token is signed with an algorithm that is not accepted'),
      );
    }
  });

  it('of an issuer that is not configured is refused without any request', async () => {
    const stranger = await KeyServer.start();
    const token = forge(await provider.token(), { payload: { iss: stranger.issuer } });

    await expect(verifier.verify(token, Date.now())).resolves.toEqual(
      refused('the issuer of the token is not accepted'),
    );
    expect(stranger.asked).toEqual([]);
    await stranger.stop();
  });

  it('signed after a key rotation is accepted half a minute after the last fetch', async () => {
    const now = Date.now();
    const before = await provider.token();
    const fresh = verifierOf([issuerOf(provider.issuer)]);
    await expect(fresh.verify(before, now)).resolves.toHaveProperty('identity');
    await provider.rotateKeys();
    const after = await provider.token();

    const unknown = refused('the token is signed with a key that its issuer does not have');
    await expect(fresh.verify(after, now + 29_000)).resolves.toEqual(unknown);
    await expect(fresh.verify(before, now + 29_000)).resolves.toHaveProperty('identity');
    await expect(fresh.verify(after, now + 30_000)).resolves.toHaveProperty('identity');
    await expect(fresh.verify(before, now + 30_000)).resolves.toEqual(unknown);
  });
});

describe('a token signed by hand', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const discovery = '/.well-known/openid-configuration';
  const now = 1_800_000_000_000;
  let server: KeyServer;
  let verifier: TokenVerifier;
  beforeEach(async () => {
    server = await KeyServer.start();
    server.answer(discovery, { issuer: server.issuer, jwks_uri: `${server.issuer}/keys` });
    server.answer('/keys', { keys: [await jwkOf(publicKey)] });
    verifier = verifierOf([issuerOf(server.issuer)], '__proto__', 'constructor');
  });
  afterEach(() => server.stop());

  async function jwkOf(key: KeyObject, kid = 'one') {
    return { ...(await exportJWK(key)), kid, alg: 'ES256' };
  }

  function sign(claims: object, header: object = {}, key = privateKey): Promise<string> {
    const payload = { iss: server.issuer, sub: 'device', aud: 'mqtt', exp: now / 1000 + 60, ...claims };
    return new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid: 'one', ...header }).sign(key);
  }

  const verify = async (claims: object, header: object = {}) => verifier.verify(await sign(claims, header), now);
  const admitted = expect.objectContaining({ identity: expect.objectContaining({ username: 'device' }) });

  it('causes one fetch of keys', async () => {
    await Promise.all([verify({}), verify({}), verify({})]);

    await expect(verify({})).resolves.toEqual(admitted);
    expect(server.asked).toEqual([discovery, '/keys']);
  });

  it('causes no discovery if jwksUri is configured', async () => {
    verifier = verifierOf([issuerOf(server.issuer, { jwksUri: `${server.issuer}/keys` })]);

    await expect(verify({})).resolves.toEqual(admitted);
    expect(server.asked).toEqual(['/keys']);
  });

  it('of an issuer whose name ends with a slash is discovered at an address without a double slash', async () => {
    const issuer = `${server.issuer}/`;
    server.answer(discovery, { issuer, jwks_uri: `${server.issuer}/keys` });
    verifier = verifierOf([issuerOf(issuer)]);

    await expect(verify({ iss: issuer })).resolves.toEqual(admitted);
    await expect(verify({})).resolves.toEqual(refused('the issuer of the token is not accepted'));
  });

  it.each<[string, object, object]>([
    ['Cognito gives for access', { aud: undefined, client_id: 'mqtt', token_use: 'access' }, {}],
    ['Cognito gives for identity', { token_use: 'id' }, {}],
    ['has many audiences', { aud: ['shop', 'another'] }, {}],
    ['is of type JWT', {}, { typ: 'JWT' }],
    ['is an access token by its media type', {}, { typ: 'application/at+jwt' }],
  ])('that %s is accepted', async (_, claims, header) => {
    await expect(verify(claims, header)).resolves.toEqual(admitted);
  });

  it.each<[string, object, object, string]>([
    ['never expires', { exp: undefined }, {}, 'the token has claims that are missing or not valid'],
    ['expires at no time', { exp: '9999999999' }, {}, 'the token has claims that are missing or not valid'],
    ['expires beyond all time', { exp: 1e300 }, {}, 'the token never expires'],
    ['has no audience', { aud: undefined }, {}, 'the token is for another audience'],
    ['has an empty list of audiences', { aud: [], client_id: 'mqtt' }, {}, 'the token is for another audience'],
    ['has no audience but a client', { aud: null, client_id: 'mqtt' }, {}, 'the token is for another audience'],
    ['is for another use', { token_use: 'refresh' }, {}, 'the token is for another purpose'],
    ['is to log out with', {}, { typ: 'logout+jwt' }, 'the token is for another purpose'],
    ['is a proof of possession', {}, { typ: 'dpop+jwt' }, 'the token is for another purpose'],
    ['names no user', { sub: undefined }, {}, 'the token names no user'],
  ])('that %s is refused', async (_, claims, header, why) => {
    await expect(verify(claims, header)).resolves.toEqual(refused(why));
  });

  describe('of an issuer whose tokens go to several clients', () => {
    const parties = async (claims: object) => {
      verifier = verifierOf([issuerOf(server.issuer, { authorizedParties: ['phone', 'web'] })]);
      return verify(claims);
    };

    it.each<[string, object]>([
      ['azp', { azp: 'web' }],
      ['azp, whatever its client_id', { azp: 'phone', client_id: 'tv' }],
      ['client_id, where it has no azp', { client_id: 'phone' }],
    ])('is accepted when it was issued to one of them by %s', async (_, claims) => {
      await expect(parties(claims)).resolves.toEqual(admitted);
    });

    it.each<[string, object]>([
      ['another', { azp: 'tv' }],
      ['another, whatever its client_id', { azp: 'tv', client_id: 'web' }],
      ['several', { azp: ['web'] }],
      ['nobody', { azp: null, client_id: 'web' }],
      ['it does not say whom', {}],
    ])('is refused when it was issued to %s', async (_, claims) => {
      await expect(parties(claims)).resolves.toEqual(refused('the token was issued to another client'));
    });
  });

  describe('signed with one of several keys with the same kid', () => {
    const others = (count: number) =>
      Promise.all(
        Array.from({ length: count }, () => jwkOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey)),
      );

    it.each([0, 3, 7])('is accepted if %i keys come before its own [RFC 7517 section 4.5]', async (before) => {
      server.answer('/keys', { keys: [...(await others(before)), await jwkOf(publicKey), ...(await others(1))] });

      await expect(verify({})).resolves.toEqual(admitted);
    });

    it('is accepted without kid', async () => {
      server.answer('/keys', { keys: [...(await others(2)), await jwkOf(publicKey)] });

      await expect(verify({}, { kid: undefined })).resolves.toEqual(admitted);
    });

    it('is refused if no key is its own, or more than seven come before it', async () => {
      server.answer('/keys', { keys: [...(await others(8)), await jwkOf(publicKey)] });

      await expect(verify({})).resolves.toEqual(refused('the signature of the token is wrong'));
    });

    it('is refused for its claims as with a single key', async () => {
      server.answer('/keys', { keys: [await jwkOf(publicKey), ...(await others(1))] });

      await expect(verify({ exp: now / 1000 - 60 })).resolves.toEqual(refused('the token has expired'));
    });
  });

  it('with a critical extension is refused [RFC 7515 section 4.1.11]', async () => {
    const token = forge(await sign({}), { header: { crit: ['x'], x: 1 } });

    await expect(verifier.verify(token, now)).resolves.toEqual(refused('the token is malformed'));
  });

  it('signed with another key of the same kid is refused', async () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

    await expect(verifier.verify(await sign({}, {}, other), now)).resolves.toEqual(
      refused('the signature of the token is wrong'),
    );
  });

  it('with its own key, or an address of one, is refused without using it', async () => {
    const stranger = await KeyServer.start();
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const header = { jwk: await jwkOf(other.publicKey), jku: `${stranger.issuer}/keys`, x5u: `${stranger.issuer}/x` };

    await expect(verifier.verify(await sign({}, header, other.privateKey), now)).resolves.toEqual(
      refused('the signature of the token is wrong'),
    );
    expect(stranger.asked).toEqual([]);
    await stranger.stop();
  });

  it('has only its own claims, even if rules use names such as constructor', async () => {
    const token = await sign({ ...JSON.parse('{"__proto__":"x"}'), constructor: 'y' });

    const outcome = await verifier.verify(token, now);

    const { claims } = (outcome as { identity: { claims: object } }).identity;
    expect(Object.entries(claims)).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
    expect(Object.getPrototypeOf(claims)).toBe(Object.prototype);
  });

  it.each([
    '',
    '.',
    '..',
    'a.b.c',
    'no token',
    'e30.e30.e30',
    `${Buffer.from('{"alg":"ES256"}').toString('base64url')}.${Buffer.from('not JSON').toString('base64url')}.AAAA`,
    `${Buffer.from('{"alg":"ES256"}').toString('base64url')}.${Buffer.from('[1]').toString('base64url')}.AAAA`,
    `${Buffer.from('null').toString('base64url')}.${Buffer.from('null').toString('base64url')}.AAAA`,
    'e30.e30.e30.e30.e30',
  ])('that is %j is refused', async (text) => {
    await expect(verifier.verify(text, now)).resolves.toEqual(
      refused(expect.stringMatching(/^(the token is malformed|the issuer of the token is not accepted)$/) as never),
    );
  });

  it('of more than 16 KiB is not parsed', async () => {
    await expect(verify({ padding: 'x'.repeat(12_000) })).resolves.toEqual(admitted);
    await expect(verify({ padding: 'x'.repeat(13_000) })).resolves.toEqual(refused('the token is too long'));
  });

  describe('of an issuer', () => {
    const outside = { issuer: 'https://outside.example' };

    it('that does not exist is refused with serverUnavailable', async () => {
      await server.stop();

      await expect(verify({})).resolves.toEqual(unreachable);
    });

    it.each<[string, string, Parameters<KeyServer['answer']>[1]]>([
      ['answers with an error', discovery, (response) => response.writeHead(500).end('{}')],
      ['has moved elsewhere', discovery, (response) => response.writeHead(302, { location: '/elsewhere' }).end()],
      ['answers no JSON', discovery, (response) => response.end('<html>')],
      ['answers no object', discovery, (response) => response.end('null')],
      ['says it is another', discovery, { ...outside, jwks_uri: 'https://outside.example/keys' }],
      ['answers too much', '/keys', (response) => response.end(`{"keys":[],"x":"${'x'.repeat(256 * 1024)}"}`)],
      ['has no set of keys', '/keys', { keys: 'none' }],
      ['has a broken key', '/keys', { keys: [{ kty: 'EC', crv: 'P-256', x: 'AAAA', y: 'AAAA', kid: 'one' }] }],
      ['hangs up', '/keys', (_, request) => request.socket.destroy()],
    ])('that %s is refused with serverUnavailable', async (_, path, answer) => {
      server.answer('/elsewhere', { issuer: server.issuer, jwks_uri: `${server.issuer}/keys` });
      server.answer(path, answer);

      await expect(verify({})).resolves.toEqual(unreachable);
      expect(server.asked).not.toContain('/elsewhere');
    });

    it.each([undefined, 7, 'keys', 'http://outside.example/keys', 'ftp://127.0.0.1/keys', 'file:///etc/passwd'])(
      'that has its keys at %j is left undecided',
      async (address) => {
        server.answer(discovery, { issuer: server.issuer, jwks_uri: address });

        await expect(verify({})).resolves.toEqual(unreachable);
      },
    );

    it('that does not respond times out after three seconds, and gets no request for five', async () => {
      server.answer('/keys', () => undefined);
      const start = performance.now();

      await expect(verify({})).resolves.toEqual(unreachable);
      const waited = performance.now() - start;
      await expect(verifier.verify(await sign({}), now + 4_999)).resolves.toEqual(unreachable);

      expect(waited).toBeGreaterThan(2_900);
      expect(server.asked).toEqual([discovery, '/keys']);
    });

    it('that is back gets a request after five seconds', async () => {
      server.answer('/keys', (response) => response.writeHead(503).end());
      await verify({});
      server.answer('/keys', { keys: [await jwkOf(publicKey)] });

      await expect(verifier.verify(await sign({}), now + 5_000)).resolves.toEqual(admitted);
    });

    it('that is away for less than an hour is accepted by its cached keys', async () => {
      const exp = now / 1000 + 7200;
      await verify({});
      server.answer('/keys', (response) => response.writeHead(503).end());

      const token = await sign({ exp });
      await expect(verifier.verify(token, now + 3_599_999)).resolves.toEqual(admitted);
      expect(server.asked).toHaveLength(4);
      await expect(verifier.verify(token, now + 3_605_000)).resolves.toEqual(unreachable);
    });

    it('whose keys are ten minutes old gets a request for new ones', async () => {
      await verify({});
      server.answer('/keys', { keys: [] });

      const token = await sign({ exp: now / 1000 + 7200 });
      await expect(verifier.verify(token, now + 599_999)).resolves.toEqual(admitted);
      await expect(verifier.verify(token, now + 600_000)).resolves.toEqual(
        refused('the token is signed with a key that its issuer does not have'),
      );
    });

    it('gets at most two requests a minute for keys that do not exist', async () => {
      for (let second = 0; second < 60; second++) {
        await verifier.verify(await sign({}, { kid: `${second}` }), now + second * 1000);
      }

      expect(server.asked.filter((path) => path === '/keys')).toHaveLength(2);
    });
  });
});

describe('an issuer', () => {
  it.each(['http://issuer.example', 'http://127.0.0.1.example', 'ftp://localhost', 'issuer', ''])(
    'at %j is not accepted',
    (issuer) => {
      expect(() => verifierOf([issuerOf(issuer)])).toThrow();
    },
  );

  it.each(['http://issuer.example/keys', 'keys'])('with jwksUri %j is not accepted', (jwksUri) => {
    expect(() => verifierOf([issuerOf('https://issuer.example', { jwksUri })])).toThrow(jwksUri);
  });

  it.each(['http://127.0.0.1:9001/keys', 'https://localhost/keys', 'https://[::1]/keys'])(
    'on another machine cannot cause requests to this machine: %s',
    async (address) => {
      const issuer = 'https://issuer.example';
      const fetched = jest
        .spyOn(globalThis, 'fetch')
        .mockImplementation(async () => Response.json({ issuer, jwks_uri: address }));
      const token = await new SignJWT({ iss: issuer, exp: 2_000_000_000 })
        .setProtectedHeader({ alg: 'ES256' })
        .sign(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);

      await expect(verifierOf([issuerOf(issuer)]).verify(token, 1_800_000_000_000)).resolves.toEqual(unreachable);

      expect(fetched.mock.calls.map(([url]) => url)).toEqual([`${issuer}/.well-known/openid-configuration`]);
      fetched.mockRestore();
    },
  );

  it.each(['https://issuer.example', 'http://localhost:1', 'http://127.0.0.1:1', 'http://[::1]:1'])(
    'at %j is accepted',
    (issuer) => {
      expect(() => verifierOf([issuerOf(issuer)])).not.toThrow();
    },
  );
});

describe('a password', () => {
  const header = Buffer.from('{"alg":"none"}').toString('base64url');

  it.each([`${header}.e30.AAAA`, `${header}.e30.`, `${Buffer.from('{ "a":1}').toString('base64url')}.e30.A-_`])(
    '%j may be a token',
    (text) => {
      expect(looksLikeToken(text)).toBe(true);
      expect(looksLikeToken(Buffer.from(text))).toBe(true);
    },
  );

  it.each(['', 'secret', 'a.b.c', 'correct.horse.battery', `${header}.e30`, `${header}.e30.A.A`, `${header}.e30.A\n`])(
    '%j is not a token',
    (text) => {
      expect(looksLikeToken(text)).toBe(false);
    },
  );
});
