// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of rules are written so
/*
 * Proved elsewhere: everything that makes a token good or bad, and where keys come from: test/access/token-verifier.test.ts; renewal by
 *   AUTH: scram.test.ts; claims in rules: permissions.test.ts.
 */
import { createHmac, createPublicKey, type JsonWebKey } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { IConnectPacket } from 'mqtt-packet';
import { connectPacket, publishPacket, written } from '../../support/client5';
import { GuardedBroker, reveals } from '../../support/guarded-broker';
import { OidcProvider, type TokenOptions } from '../../support/oidc-provider';
import type { HandshakeFields } from '../../support/test-broker';

let provider: OidcProvider;
let guarded: GuardedBroker;
const given: string[] = [];

beforeAll(async () => {
  provider = await OidcProvider.start();
  const issuer = { issuer: provider.issuer, audience: 'mqtt', clockSkew: 0 };
  const own = { actions: ['publish'], topics: ['of/${username}', 'lost/#'] };
  const rules = [own, { actions: ['subscribe'], topics: ['#'] }];
  guarded = await GuardedBroker.start({ issuers: [issuer], rules }, { containers: 1 }); // each has keys of its own
  guarded.cloud.clock.hold();
  guarded.cloud.clock.jump(600_000); // the provider's clock goes on, and no token may be of the future
  await guarded.addUser('observer', 'observer');
});

beforeEach(() => guarded.forgive());

afterAll(() => Promise.all([guarded.stop(), provider.stop()]));

/** A token that is good for so many seconds from now, by the clock of the broker. */
async function token(seconds = 300, options: TokenOptions = {}): Promise<string> {
  const ahead = Math.floor((guarded.cloud.clock.now() - Date.now()) / 1000);
  const made = await provider.token({ ttl: seconds + ahead, ...options });
  given.push(made);
  return made;
}

/** As CONNECT carries it. */
function carrying(password: string): Partial<IConnectPacket> {
  return { username: 'anything', password: Buffer.from(password) };
}

const will = (clientId: string) => ({
  will: { topic: `lost/${clientId}`, payload: Buffer.from('gone'), qos: 1, retain: false } as const,
});

async function observer() {
  const fields = { username: 'observer', password: Buffer.from('observer'), keepalive: 0 };
  const client = await guarded.broker.connect('observer', fields);
  await client.subscribe({ topic: 'lost/#', qos: 0 });
  return client;
}

/** Tokens that are not good, each for one reason. */
const bad: readonly (readonly [what: string, make: () => Promise<string>])[] = [
  ['wrongly signed', async () => edited(await token(), { signature: Buffer.alloc(256, 1).toString('base64url') })],
  ['changed', async () => edited(await token(), { payload: { sub: 'root' } })],
  ['for another audience', () => token(300, { audience: 'mail' })],
  ['expired', expired],
  ['not signed at all', async () => edited(await token(), { header: { alg: 'none', kid: undefined }, signature: '' })],
  ['signed with the public key as if it were a secret', confused],
  ['of another issuer', async () => edited(await token(), { payload: { iss: 'https://other.example' } })],
];

function edited(original: string, change: { header?: object; payload?: object; signature?: string }): string {
  const [header = '', payload = '', signature = ''] = original.split('.');
  const edit = (part: string, fields = {}) =>
    Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(part, 'base64url').toString()), ...fields })).toString(
      'base64url',
    );
  return [edit(header, change.header), edit(payload, change.payload), change.signature ?? signature].join('.');
}

async function expired(): Promise<string> {
  const made = await token(1);
  guarded.cloud.clock.jump(1000);
  return made;
}

async function confused(): Promise<string> {
  const { keys } = (await (await fetch(`${provider.issuer}/jwks`)).json()) as { keys: JsonWebKey[] };
  const key = createPublicKey({ key: keys.find(({ kty }) => kty === 'RSA') as JsonWebKey, format: 'jwk' });
  const [header, payload] = edited(await token(), { header: { alg: 'HS256' } }).split('.');
  const signature = createHmac('sha256', key.export({ type: 'spki', format: 'pem' }))
    .update(`${header}.${payload}`)
    .digest('base64url');
  return `${header}.${payload}.${signature}`;
}

describe('a token as the password of CONNECT', () => {
  it('lets its subject in, in either version, whatever its user name says', async () => {
    const newer = await guarded.broker.connect('newer', carrying(await token()));
    const older = await guarded.older.connect('older', carrying(await token()));

    expect(newer.connack).toMatchObject({ reasonCode: 0 });
    expect(older.connack).toMatchObject({ returnCode: 0 });
    expect(await newer.publish('of/device', 'x', { qos: 1 })).toBe(0x10);
    expect(await newer.publish('of/anything', 'x', { qos: 1 })).toBe(0x87);
  });

  it.each(['RS256', 'ES256', 'EdDSA'] as const)('may be signed with %s', async (alg) => {
    expect((await guarded.broker.connect('a', carrying(await token(300, { alg })))).connack).toMatchObject({
      reasonCode: 0,
    });
  });

  it.each(bad)('is refused when it is %s', async (_what, make) => {
    const password = await make();

    expect((await guarded.broker.connect('a', carrying(password))).connack).toMatchObject({ reasonCode: 0x87 });
    expect((await guarded.older.connect('a', carrying(password))).connack).toMatchObject({ returnCode: 5 });
  });

  it('is not counted as a failed login', async () => {
    const late = await expired();
    for (let times = 8; times > 0; times--) {
      expect((await guarded.broker.connect('a', carrying(late))).connack).toMatchObject({ reasonCode: 0x87 });
    }
  });
});

const ways: readonly (readonly [way: string, say: (token: string) => HandshakeFields])[] = [
  ['in the header Authorization', (bearer) => ({ headers: { Authorization: `Bearer ${bearer}` } })],
  ['in the query', (bearer) => ({ query: `?access_token=${bearer}` })],
  ['as a subprotocol', (bearer) => ({ subprotocol: ['mqtt', `bearer.${bearer}`] })],
];

describe.each(ways)('a token %s of the handshake', (_way, say) => {
  it('lets its subject in with a CONNECT that has neither name nor password', async () => {
    const newer = await guarded.broker.open(say(await token()));
    await newer.connect('newer');
    const older = await guarded.older.open(say(await token()));
    await older.connect('older');

    expect(newer.line.socket.protocol).toBe('mqtt');
    expect(newer.connack).toMatchObject({ reasonCode: 0 });
    expect(older.connack).toMatchObject({ returnCode: 0 });
    expect(await newer.publish('of/device', 'x', { qos: 1 })).toBe(0x10);
    expect(await newer.publish('of/newer', 'x', { qos: 1 })).toBe(0x87);
  });

  it.each(bad)('ends the handshake with 401 when it is %s', async (_what, make) => {
    await expect(guarded.broker.open(say(await make()))).rejects.toThrow('Unexpected server response: 401');
  });

  it('ends it with 401 when it is no token', async () => {
    await expect(guarded.broker.open(say('garbage'))).rejects.toThrow('Unexpected server response: 401');
  });
});

describe('a token of the handshake', () => {
  const header = (bearer: string): HandshakeFields => ({ headers: { authorization: `bearer ${bearer}` } });

  it('is remembered for a CONNECT that comes later and in pieces', async () => {
    const client = await guarded.broker.open(header(await token()));
    await guarded.cloud.settled();
    const connect = written(connectPacket('late'));
    for (const part of [connect.subarray(0, 5), connect.subarray(5, 12), connect.subarray(12)]) {
      client.sendBytes(part);
      await guarded.cloud.settled();
    }

    expect(await client.next('connack')).toMatchObject({ reasonCode: 0 });
    expect(await client.publish('of/device', 'x', { qos: 1 })).toBe(0x10);
  });

  it('gives way to a password that CONNECT brings', async () => {
    const client = await guarded.broker.open(header(await token()));
    await client.connect('both', { username: 'observer', password: Buffer.from('observer') });
    const other = await guarded.broker.open(header(await token()));
    await other.connect('both', { username: 'observer', password: Buffer.from('wrong') });

    expect(client.connack).toMatchObject({ reasonCode: 0 });
    expect(await client.publish('of/device', 'x', { qos: 1 })).toBe(0x10); // the user may do everything
    expect(await client.publish('any', 'x', { qos: 1 })).toBe(0x10);
    expect(other.connack).toMatchObject({ reasonCode: 0x86 });
  });

  it('that expires before CONNECT comes lets nobody in', async () => {
    const client = await guarded.broker.open(header(await token(5)));
    await guarded.cloud.settled();
    guarded.cloud.clock.jump(6000);
    await client.connect('too-late');

    expect(client.connack).toMatchObject({ reasonCode: 0x87 });
  });

  it('is asked for from nobody who has a password', async () => {
    const client = await guarded.broker.connect('plain', { username: 'observer', password: Buffer.from('observer') });

    expect(client.connack).toMatchObject({ reasonCode: 0 });
  });
});

describe('a handshake without CONNECT', () => {
  it.each([
    ['without a token', async () => ({})],
    ['with a token', async () => ({ headers: { authorization: `bearer ${await token()}` } })],
    ['with a token, and with half a CONNECT', async () => ({ headers: { authorization: `bearer ${await token()}` } })],
  ])('%s is closed when its time is over, and leaves nothing', async (what, say) => {
    const before = await guarded.older.rows();
    const client = await guarded.broker.open(await say());
    if (what.includes('half')) client.sendBytes(written(connectPacket('half')).subarray(0, 9));
    await guarded.cloud.settled();
    guarded.cloud.clock.jump(9000);
    await guarded.cloud.settled();
    expect(client.closeCode).toBeUndefined();
    guarded.cloud.clock.jump(1000);
    await client.closed();

    expect(client.rest()).toEqual([]);
    expect(await guarded.older.rows()).toEqual(before);
  });

  it('does not end a connection that was let in', async () => {
    const client = await guarded.broker.open({ headers: { authorization: `bearer ${await token()}` } });
    await client.connect('in');
    await guarded.cloud.settled();
    guarded.cloud.clock.jump(11_000);
    await guarded.cloud.settled();
    await client.ping();

    expect(client.closeCode).toBeUndefined();
  });
});

describe('a token that expires', () => {
  it('ends the connection at that moment, says so and publishes its will', async () => {
    const watching = await observer();
    const client = await guarded.broker.connect('brief', {
      ...carrying(await token(100)),
      ...will('brief'),
      keepalive: 500,
    });
    await guarded.broker.pass(95);
    await client.ping();
    expect(await guarded.broker.heardBy(watching)).toEqual([]);
    await guarded.broker.pass(6);

    expect(await client.farewell()).toMatchObject({ reasonCode: 0xa0 });
    expect(await guarded.broker.heardBy(watching)).toMatchObject([{ topic: 'lost/brief' }]);
  });

  it('ends that of a client of MQTT 3.1.1 without a word', async () => {
    const watching = await observer();
    const client = await guarded.older.connect('brief', { ...carrying(await token(50)), ...will('brief') });
    await guarded.broker.pass(45);
    await client.ping();
    await guarded.broker.pass(6);
    await client.closed();

    expect(client.rest()).toEqual([]);
    expect(await guarded.broker.heardBy(watching)).toMatchObject([{ topic: 'lost/brief' }]);
  });

  it.each([0, 1, 2] as const)(
    'ends that of a client that goes on publishing at QoS %i, and takes nothing',
    async (qos) => {
      const watching = await observer();
      await watching.subscribe('of/device');
      const client = await guarded.broker.connect('busy', carrying(await token(50)));
      await client.publish('of/device', 'before', { qos });
      await watching.hear();
      guarded.cloud.clock.jump(51_000);
      client.send(publishPacket('of/device', 'after', { qos, messageId: 99 }));

      expect(await client.farewell()).toMatchObject({ reasonCode: 0xa0 });
      expect(await guarded.broker.heardBy(watching)).toEqual([]);
    },
  );

  it('ends that of a client that was let in by its handshake', async () => {
    const client = await guarded.broker.open({ query: `?access_token=${await token(50)}` });
    await client.connect('shaken');
    await guarded.broker.pass(51);

    expect(await client.farewell()).toMatchObject({ reasonCode: 0xa0 });
  });

  it('does not end the session: it goes on with another token of the same subject', async () => {
    const before = await guarded.broker.resume('steady', 600, carrying(await token(50)));
    await before.subscribe('to/steady');
    await guarded.broker.pass(51);
    await before.closed();
    const publisher = await observer();
    await publisher.publish('to/steady', 'while away', { qos: 1 });
    const after = await guarded.broker.resume('steady', 600, carrying(await token()));

    expect(after.connack).toMatchObject({ reasonCode: 0, sessionPresent: true });
    expect(await after.hear()).toMatchObject({ text: 'while away' });
  });
});

describe('the session of a token', () => {
  it('is for nobody but its subject', async () => {
    const owner = await guarded.broker.resume('mine', 600, carrying(await token()));
    await owner.subscribe('to/mine');
    const foreign = carrying(await token(300, { clientId: 'other-device' }));
    for (const clean of [true, false]) {
      const client = await guarded.broker.connect('mine', { ...foreign, clean });
      expect(client.connack).toMatchObject({ reasonCode: 0x85 });
      expect((await guarded.older.connect('mine', { ...foreign, clean })).connack).toMatchObject({ returnCode: 2 });
    }

    await owner.ping(); // and was not disturbed
    await guarded.broker.leave(owner);
    const again = await guarded.broker.resume('mine', 600, carrying(await token()));
    expect(again.connack).toMatchObject({ reasonCode: 0, sessionPresent: true });
    await guarded.broker.leave(again);
    const other = await guarded.broker.resume('mine', 600, foreign);
    expect(other.connack).toMatchObject({ reasonCode: 0, sessionPresent: false });
  });
});

describe('a broker that requires a token in the handshake', () => {
  let strict: GuardedBroker;

  beforeAll(async () => {
    const issuers = [{ issuer: provider.issuer, audience: 'mqtt' }];
    strict = await GuardedBroker.start({ issuers, handshake: 'required', anonymous: 'everything' });
    await strict.addUser('alice', 'secret');
  });

  afterAll(() => strict.stop());

  it('refuses one without, whatever CONNECT would bring, and pays for nothing', async () => {
    const before = await strict.older.rows();
    for (const said of [{}, { headers: { authorization: 'Basic YWxpY2U6c2VjcmV0' } }, { query: '?access_token=' }]) {
      await expect(strict.broker.open(said)).rejects.toThrow('Unexpected server response: 401');
    }

    expect(strict.cloud.connections()).toEqual([]);
    expect(await strict.older.rows()).toEqual(before);
  });

  it('lets in one with a token, as its subject or as a user', async () => {
    for (const fields of [{}, { username: 'alice', password: Buffer.from('secret') }]) {
      const client = await strict.broker.open({ query: `?access_token=${await token()}` });
      await client.connect('a', fields);

      expect(client.connack).toMatchObject({ reasonCode: 0 });
      await strict.broker.leave(client);
    }
  });

  it('still refuses a wrong password behind a good token', async () => {
    const client = await strict.broker.open({ query: `?access_token=${await token()}` });
    await client.connect('a', { username: 'alice', password: Buffer.from('wrong') });

    expect(client.connack).toMatchObject({ reasonCode: 0x86 });
  });
});

describe('keys', () => {
  it('that the issuer has rotated are found, and the old ones forgotten', async () => {
    const before = await token();
    expect((await guarded.broker.connect('a', carrying(before))).connack).toMatchObject({ reasonCode: 0 });
    await provider.rotateKeys();
    guarded.cloud.clock.jump(31_000); // looks for keys that are not there are that far apart
    const after = await token();

    expect((await guarded.broker.connect('a', carrying(after))).connack).toMatchObject({ reasonCode: 0 });
    expect((await guarded.broker.connect('a', carrying(before))).connack).toMatchObject({ reasonCode: 0x87 });
    await guarded.broker.open({ query: `?access_token=${after}` });
    await expect(guarded.broker.open({ query: `?access_token=${before}` })).rejects.toThrow('401');
  });

  it('of an issuer that is gone are missing, which is said so', async () => {
    const good = await token(600);
    await provider.stop();
    guarded.cloud.clock.jump(3_600_000);
    const late = edited(good, { payload: { exp: Math.round(guarded.cloud.clock.now() / 1000) + 300 } });

    expect((await guarded.broker.connect('a', carrying(late))).connack).toMatchObject({ reasonCode: 0x88 });
    expect((await guarded.older.connect('a', carrying(late))).connack).toMatchObject({ returnCode: 3 });
    await expect(guarded.broker.open({ query: `?access_token=${late}` })).rejects.toThrow('503');
  });
});

describe('tokens', () => {
  afterEach(() => expect(given.length).toBeGreaterThan(20));

  it('are never logged and never kept', async () => {
    const stored = await guarded.stored();
    const logged = guarded.lines.join('\n');

    for (const each of given) {
      const [, payload = '', signature = ''] = each.split('.');
      expect({ each, leaks: reveals(logged, signature) || reveals(stored, signature) }).toEqual({ each, leaks: false });
      expect(logged.includes(payload.slice(20, 60)) || stored.includes(payload.slice(20, 60))).toBe(false);
    }
  });
});
