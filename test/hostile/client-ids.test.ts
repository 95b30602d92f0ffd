// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of rules are written so
/*
 * Client ids that somebody takes to keep others out. Proved elsewhere: rows of bindings: test/storage/bindings.test.ts; connections of
 * one account that take each other over: test/broker/connect/takeover.test.ts.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Client5, type ConnectFields, connectPacket } from '../support/client5';
import { GuardedBroker, hashingOnce } from '../support/guarded-broker';
import { OidcProvider } from '../support/oidc-provider';
import { leftoversIn } from '../support/table-walk';
import { above, Battlefield, login } from './battlefield';

const rules = [{ name: 'everything but the calm pair', actions: ['all'], topics: ['ids/#'] }];

/** Reason codes of MQTT 5.0. */
const idNotValid = 0x85;
const takenOver = 0x8e;

const month = 30 * 24 * 3600;

let field: Battlefield;
let provider: OidcProvider;

beforeAll(async () => {
  provider = await OidcProvider.start();
  const issuer = { issuer: provider.issuer, audience: 'mqtt', clientIdClaim: 'device' };
  field = await Battlefield.start({ anonymous: 'by-rules', issuers: [issuer], rules }, hashingOnce);
  await field.addDevice('mallory');
  await field.addDevice('alice');
});

afterAll(() => Promise.all([field.stop(), provider.stop()]));

/** Adds an account that is bound to a client id. */
async function bind(clientId: string, username = `owner of ${clientId}`): Promise<string> {
  await field.guarded.addUser(username, `password of ${username}`, { rules: [], clientId });
  return username;
}

async function bindPrefix(clientIdPrefix: string, username: string): Promise<string> {
  await field.guarded.addUser(username, `password of ${username}`, { rules: [], clientIdPrefix });
  return username;
}

/** Requests a token that is bound to a client id. */
async function carrying(device: string, clientId?: 'device' | 'other-device') {
  const ahead = Math.floor((field.cloud.clock.now() - Date.now()) / 1000);
  const made = await provider.token({ claims: { device }, ttl: 300 + ahead, ...(clientId && { clientId }) });
  return { username: 'token', password: Buffer.from(made) };
}

/** Creates persistent sessions of MQTT 3.1.1 under client ids, and disconnects. */
async function squat(clientIds: readonly string[], as: object = login('mallory')): Promise<void> {
  await Promise.all(
    clientIds.map(async (clientId) => {
      const client = await field.guarded.older.connect(clientId, { clean: false, ...as });
      expect(client.connack).toMatchObject({ returnCode: 0 });
      client.send({ cmd: 'disconnect' });
      await client.closed();
    }),
  );
}

/** Returns the CONNACK code of either version. */
async function ask(version: 4 | 5, clientId: string, fields: object): Promise<number | undefined> {
  if (version === 4) return (await field.guarded.older.connect(clientId, fields)).connack?.returnCode;
  return (await field.guarded.broker.connect(clientId, fields)).connack?.reasonCode;
}

/** Connects until CONNACK accepts the client; a connection whose worker dies may be closed without CONNACK. */
async function comeIn({ broker }: GuardedBroker, clientId: string, fields: ConnectFields): Promise<Client5> {
  for (;;) {
    const client = await broker.open();
    client.send(connectPacket(clientId, fields));
    const answer = await client.next('connack').catch(() => undefined);
    client.connack = answer;
    if (answer) return client;
  }
}

const refusals = { 4: 2, 5: idNotValid } as const;
const anonymous = {};

describe('a client id to which an account is bound', () => {
  it.each([4, 5] as const)('is refused to everybody else, in MQTT %i, while its owner is away', async (version) => {
    const clientId = `bound-${version}`;
    await bind(clientId);
    const toll = await field.endure(10, async () => {
      for (let count = 0; count < 5; count++) {
        for (const as of [anonymous, login('mallory')]) {
          expect(await ask(version, clientId, { clean: count % 2 === 0, ...as })).toBe(refusals[version]);
        }
      }
    });

    expect(field.guarded.logged('refused').at(-1)).toMatchObject({
      ...{ clientId, reason: idNotValid, why: 'the client id is reserved for another account' },
    });
    expect(above(toll, { writes: 1, reads: 10, invocations: 5, posts: 1, lines: 2 })).toEqual({});
  });

  it('is refused to everyone else if it starts with a prefix that an account is bound to', async () => {
    await bindPrefix('house/', 'house');
    for (const clientId of ['house/1', 'house/', 'house/\u{1f3e0}']) {
      expect(await ask(5, clientId, login('mallory'))).toBe(idNotValid);
      expect(await ask(5, clientId, anonymous)).toBe(idNotValid);
    }
    for (const clientId of ['house', 'hous', 'house0', 'h']) expect(await ask(5, clientId, login('mallory'))).toBe(0);
    expect(await ask(5, 'house/1', login('house'))).toBe(0);
  });

  it('stays with its disconnected owner, whose session keeps its queued messages', async () => {
    const owner = await bind('away');
    const resume = () => field.guarded.broker.resume('away', month, login(owner));
    const client = await resume();
    await client.subscribe('ids/away');
    await field.guarded.broker.leave(client);
    const neighbour = await field.enter('calm', 'neighbour');
    await neighbour.publish('ids/away', 'while you were away', { qos: 1 });
    await field.endure(10, async () => {
      for (let count = 0; count < 10; count++)
        expect(await ask(5, 'away', { clean: count % 2 === 0, ...login('mallory') })).toBe(idNotValid);
    });
    const again = await resume();

    expect(again.connack?.sessionPresent).toBe(true);
    expect((await again.hear()).text).toBe('while you were away');
    await Promise.all([field.guarded.broker.leave(again), field.guarded.broker.leave(neighbour)]);
  });

  it('belongs to the account with the longest binding', async () => {
    await bindPrefix('flat-', 'flat');
    await bindPrefix('flat-kitchen-', 'kitchen');
    await bind('flat-kitchen-1', 'oven');

    expect(await ask(5, 'flat-1', login('flat'))).toBe(0);
    expect(await ask(5, 'flat-kitchen-2', login('flat'))).toBe(idNotValid);
    expect(await ask(5, 'flat-kitchen-2', login('kitchen'))).toBe(0);
    expect(await ask(5, 'flat-kitchen-1', login('kitchen'))).toBe(idNotValid);
    expect(await ask(5, 'flat-kitchen-1', login('oven'))).toBe(0);
  });

  it('is free again after its account is removed', async () => {
    const owner = await bind('given-up');
    await field.guarded.accounts.remove(owner);

    expect(await ask(5, 'given-up', login('mallory'))).toBe(0);
  });
});

describe('a session from before an account was bound to its client id', () => {
  it('is discarded when the owner connects: it receives none of the messages of the other', async () => {
    const squatter = await field.guarded.broker.resume('before', month, login('mallory'));
    await squatter.subscribe('ids/before');
    await field.guarded.broker.leave(squatter);
    const neighbour = await field.enter('calm', 'neighbour');
    await neighbour.publish('ids/before', 'for mallory', { qos: 1 });
    const owner = await bind('before');
    const replaced = await field.loggedDuring('session replaced', async () => {
      const client = await field.guarded.broker.resume('before', month, login(owner));

      expect(client.connack).toMatchObject({ reasonCode: 0, sessionPresent: false });
      await neighbour.publish('ids/before', 'for nobody', { qos: 1 });
      expect(await field.guarded.broker.heardBy(client)).toEqual([]);
      await client.subscribe('ids/before');
      await neighbour.publish('ids/before', 'for the owner', { qos: 2 });
      expect((await client.hear()).text).toBe('for the owner');
      await field.guarded.broker.leave(client);
    });

    expect(replaced).toMatchObject([
      { clientId: 'before', username: owner, kind: 'user', formerUsername: 'mallory', formerKind: 'user' },
    ]);
    await neighbour.disconnect();
  });

  it('is taken over while its client is connected, with Session taken over', async () => {
    const squatter = await field.guarded.broker.resume('connected', month, login('mallory'));
    const owner = await bind('connected');
    const client = await field.guarded.broker.resume('connected', month, login(owner));

    expect(client.connack).toMatchObject({ reasonCode: 0, sessionPresent: false });
    expect(await squatter.farewell()).toMatchObject({ reasonCode: takenOver });
    expect(await ask(5, 'connected', login('mallory'))).toBe(idNotValid);
    await client.ping();
    await field.guarded.broker.leave(client);
  });
});

describe('a client id that a token is bound to', () => {
  it('goes to the subject of the token, and is reserved for it from then on', async () => {
    await squat(['d7'], anonymous);
    const device = await field.guarded.broker.connect('d7', await carrying('d7'));

    expect(device.connack).toMatchObject({ reasonCode: 0, sessionPresent: false });
    await field.guarded.broker.leave(device);
    for (const as of [anonymous, login('mallory')]) expect(await ask(5, 'd7', as)).toBe(idNotValid);
    expect(await ask(5, 'd7', await carrying('d7'))).toBe(0);
  });

  it('is not given to another subject with its session', async () => {
    const first = await field.guarded.broker.resume('d8', month, await carrying('d8'));
    const second = await field.guarded.broker.connect('d8', await carrying('d8', 'other-device'));

    expect(second.connack).toMatchObject({ reasonCode: idNotValid }); // its owner is connected
    await field.guarded.broker.leave(first);
    const third = await field.guarded.broker.resume('d8', month, await carrying('d8', 'other-device'));
    expect(third.connack).toMatchObject({ reasonCode: 0, sessionPresent: false });
    await field.guarded.broker.leave(third);
  });
});

describe('a client id without a binding', () => {
  const clientOf = (clientId: string, as: object): Promise<Client5> => field.guarded.broker.resume(clientId, month, as);

  it('goes to another account while its client is disconnected, without its session', async () => {
    await squat(['left']);
    const client = await clientOf('left', login('alice'));

    expect(client.connack).toMatchObject({ reasonCode: 0, sessionPresent: false });
    await field.guarded.broker.leave(client);
  });

  it('stays with a connected client, without an effect on it', async () => {
    const client = await clientOf('there', login('alice'));
    for (const as of [anonymous, login('mallory')]) expect(await ask(5, 'there', as)).toBe(idNotValid);
    await client.ping();
    await field.guarded.broker.leave(client);
  });

  it.each(['connected', 'away'])('goes to an account if an anonymous client has it that is %s', async (where) => {
    const squatter = await clientOf(`anonymous-${where}`, anonymous);
    if (where === 'away') await field.guarded.broker.leave(squatter);
    const client = await clientOf(`anonymous-${where}`, login('alice'));

    expect(client.connack).toMatchObject({ reasonCode: 0, sessionPresent: false });
    if (where === 'connected') expect(await squatter.farewell()).toMatchObject({ reasonCode: takenOver });
    await field.guarded.broker.leave(client);
  });

  it('does not go from an account to an anonymous client', async () => {
    const client = await clientOf('proved', login('alice'));
    await field.guarded.broker.leave(client);

    expect(await ask(5, 'proved', anonymous)).toBe(idNotValid);
    expect((await clientOf('proved', login('alice'))).connack).toMatchObject({ sessionPresent: true });
  });
});

describe('an owner whose CONNECT is handled after that of a later connection', () => {
  const begin = async () => (await field.strangers(1))[0]!;

  it.each([
    ['an anonymous client has the client id', anonymous],
    ['another account has the client id', login('mallory')],
  ])('is accepted when %s', async (what, as) => {
    const clientId = `overtaken while ${what}`;
    const client = await begin();
    const squatter = await field.guarded.broker.resume(clientId, month, as);
    const owner = await bind(clientId);
    client.send(connectPacket(clientId, { clean: false, ...login(owner) }));

    expect(await client.next('connack')).toMatchObject({ reasonCode: 0, sessionPresent: false });
    expect(await squatter.farewell()).toMatchObject({ reasonCode: takenOver });
    await client.subscribe('ids/overtaken');
    await client.publish('ids/overtaken', 'hello', { qos: 2 });
    expect((await client.hear()).text).toBe('hello');
    await client.disconnect();
    expect(await ask(5, clientId, login(owner))).toBe(0);
  });

  it('is accepted with an abandoned session', async () => {
    const client = await begin();
    await squat(['overtaken'], anonymous);
    client.send(connectPacket('overtaken', login('alice')));

    expect(await client.next('connack')).toMatchObject({ reasonCode: 0, sessionPresent: false });
    await client.disconnect();
  });
});

it('an anonymous client that reconnects does not replace an account that waits for its end', async () => {
  const guarded = await GuardedBroker.start({ anonymous: 'by-rules' }, { ...hashingOnce, visibilitySeconds: 30 });
  const { cloud, broker } = guarded;
  await guarded.addUser('alice', 'password of alice');
  cloud.clock.hold();
  const squatter = await broker.resume('again', month);
  await cloud.settled();
  await cloud.faults.set({ fault: 'call', outcome: 'kill', when: 'before', function: 'onPackets', times: 1 });
  squatter.send({ cmd: 'pingreq' }); // its events are not handled from here on
  await broker.older.struck();
  await cloud.faults.clear();
  const client = await broker.open();
  client.send(connectPacket('again', login('alice')));
  while (guarded.logged('taken over').length < 1) await sleep(2);
  const back = await broker.resume('again', month);

  expect(back.connack).toMatchObject({ reasonCode: idNotValid });
  cloud.clock.jump(6_000);
  while (guarded.logged('taken over').length < 2) await sleep(2);
  cloud.clock.jump(22_000);
  expect(await client.next('connack')).toMatchObject({ reasonCode: 0, sessionPresent: false });
  await client.ping();
  await guarded.stop();
});

describe('a worker that dies while the session of another account is replaced', () => {
  const calls = Array.from({ length: 14 }, (_, index) => index);
  let guarded: GuardedBroker;

  beforeAll(async () => {
    guarded = await GuardedBroker.start({ anonymous: 'by-rules', rules }, { ...hashingOnce, visibilitySeconds: 0.2 });
    await guarded.addUser('neighbour', 'password of neighbour');
  });

  afterAll(() => guarded.stop());

  it.each(
    (['away', 'connected'] as const).flatMap((where) =>
      (['before', 'after'] as const).map((when) => [where, when] as const),
    ),
  )('leaves nothing of it, when its client is %s and the worker dies %s any call', async (where, when) => {
    const { broker, cloud } = guarded;
    const neighbour = await broker.connect('neighbour', login('neighbour'));
    for (const skip of calls) {
      const clientId = `dies-${where}-${when}-${skip}`;
      const will = { topic: 'ids/will', payload: Buffer.from('gone'), qos: 1, retain: false } as const;
      const squatter = await broker.resume(clientId, month, { will });
      await squatter.subscribe(['ids/+', '$share/g/ids/+']);
      const sessionOfSquatter = cloud.connections().at(-1)!;
      if (where === 'away') await broker.lose(squatter);
      if (where === 'away') await neighbour.publish('ids/a', 'for the squatter', { qos: 2 });
      await guarded.addUser(`owner of ${clientId}`, 'shared', { clientId });
      await cloud.settled();
      await cloud.faults.set({ fault: 'call', outcome: 'kill', function: 'onPackets', when, skip, times: 1 });
      const owner = await comeIn(guarded, clientId, {
        username: `owner of ${clientId}`,
        password: Buffer.from('shared'),
      });
      await cloud.faults.clear();
      await neighbour.publish('ids/a', 'for nobody', { qos: 1 });

      expect(owner.connack).toMatchObject({ sessionPresent: false });
      expect(await broker.heardBy(owner)).toEqual([]);
      await owner.disconnect();
      await cloud.settled();
      expect(
        (await broker.older.rows()).filter((row) => row.includes(sessionOfSquatter) || row.includes(clientId)),
      ).toEqual([]);
    }
    await neighbour.disconnect();
  });

  it('leaves no row of it if every attempt of its owner dies and its connection is older', async () => {
    const { broker, cloud } = guarded;
    const clientId = 'dies-always';
    const owner = await broker.open();
    await broker.lose(await broker.resume(clientId, month));
    await guarded.addUser('owner of dies-always', 'shared', { clientId });
    const dying = {
      fault: 'call',
      outcome: 'kill',
      function: 'onPackets',
      operation: 'PutItem',
      table: 'connections',
    } as const;
    await cloud.faults.set({ ...dying, when: 'before' });
    owner.send(connectPacket(clientId, { username: 'owner of dies-always', password: Buffer.from('shared') }));
    await owner.closed();
    await cloud.faults.clear();
    await cloud.settled();

    expect((await broker.older.rows()).filter((row) => row.includes(clientId))).toEqual([]);
  });
});

it.each([
  ['away', 4],
  ['connected', 4],
] as const)(
  'of all that ask for a client id at once only its owner gets it, when a client that has it is %s',
  async (where, rounds) => {
    for (let round = 0; round < rounds; round++) {
      const clientId = `race-${where}-${round}`;
      const squatter = await field.guarded.broker.resume(clientId, month, login('mallory'));
      await squatter.subscribe('ids/race');
      if (where === 'away') await field.guarded.broker.leave(squatter);
      const owner = await bind(clientId);
      const claims = [login(owner), anonymous, login('mallory'), login('alice'), login(owner), anonymous];
      const sockets = await field.strangers(claims.length);
      for (const [index, socket] of sockets.entries())
        socket.send(connectPacket(clientId, { clean: false, ...claims[index] }));
      const answers = await Promise.all(sockets.map((socket) => socket.next('connack').catch(() => undefined)));
      await field.cloud.settled();

      const codes = answers.map((answer) => answer?.reasonCode);
      expect([codes[1], codes[2], codes[3], codes[5]]).toEqual([idNotValid, idNotValid, idNotValid, idNotValid]);
      expect(codes[4]).toBe(0); // the newest one of the owner
      const newest = sockets[4]!;
      await newest.subscribe('ids/race');
      await newest.publish('ids/race', 'mine', { qos: 1 });
      expect((await newest.hear()).text).toBe('mine');
      await newest.disconnect();
    }
  },
);

it('a flood of CONNECTs for client ids of others slows down nobody and raises no cost', async () => {
  await bind('wanted');
  field.cloud.clock.hold(); // no timer of these connections fires during the measurement
  const pace = await field.keepPace(async () => {
    for (let round = 0; round < 30; round++) {
      expect(await ask(5, 'wanted', round % 2 === 0 ? anonymous : login('mallory'))).toBe(idNotValid);
    }
  });

  expect(pace.messages).toBeGreaterThan(1);
});

it('200 squatted client ids go to their owners, who all connect at once', async () => {
  const ids = Array.from({ length: 200 }, (_, index) => `kitchen-${index}`);
  await field.endure(1, () => squat(ids));
  const shared = 'password of every owner'; // hashed once
  for (const clientId of ids) await field.guarded.addUser(`owner of ${clientId}`, shared, { rules: [], clientId });
  const asOwner = (clientId: string) => ({ username: `owner of ${clientId}`, password: Buffer.from(shared) });
  let answers: (number | undefined)[] = [];
  const toll = await field.endure(200, async () => {
    answers = await Promise.all(ids.map((clientId) => ask(5, clientId, asOwner(clientId))));
  });

  expect(answers).toEqual(ids.map(() => 0));
  expect(
    field.guarded.logged('session replaced').filter(({ formerUsername }) => formerUsername === 'mallory').length,
  ).toBeGreaterThanOrEqual(200);
  expect(above(toll, { reads: 14, writes: 12, requests: 10, invocations: 6 })).toEqual({});
}, 120_000);

it('a squatted client id goes to its owner a month later too', async () => {
  const guarded = await GuardedBroker.start({ anonymous: 'by-rules', rules }, hashingOnce);
  const squatter = await guarded.older.connect('kitchen', { clean: false });
  squatter.send({ cmd: 'disconnect' });
  await squatter.closed();
  await guarded.broker.pass(60);
  guarded.cloud.clock.jump(month * 1000);
  await guarded.broker.pass(60);
  await guarded.addUser('owner', 'password of owner', { clientId: 'kitchen' });
  const owner = await guarded.broker.connect('kitchen', login('owner'));

  expect(owner.connack).toMatchObject({ reasonCode: 0, sessionPresent: false });
  await guarded.stop();
});

it('leaves no row without an owner', async () => {
  await field.elapse(60);

  expect(await leftoversIn(field.cloud)).toEqual([]);
});
