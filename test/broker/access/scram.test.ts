/*
 * Proved elsewhere: the messages of SCRAM-SHA-256 and OAUTHBEARER, byte by byte: test/access/scram.test.ts, oauth-bearer.test.ts;
 *   AUTH of a client that named no method: test/broker/v5/auth.test.ts.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { IAuthPacket, Packet } from 'mqtt-packet';
import { clause } from '../../support/clause';
import { type Client5, type ConnectFields, connectPacket, publishPacket, subscription } from '../../support/client5';
import { everythingRule, GuardedBroker } from '../../support/guarded-broker';
import { OidcProvider } from '../../support/oidc-provider';
import { ScramClient } from '../../support/scram-client';

const method = 'SCRAM-SHA-256';

let provider: OidcProvider;
let guarded: GuardedBroker;

beforeAll(async () => {
  provider = await OidcProvider.start();
  const issuers = [{ issuer: provider.issuer, audience: 'mqtt', clockSkew: 0 }];
  guarded = await GuardedBroker.start({ issuers, rules: [everythingRule] }, { visibilitySeconds: 0.2 });
  await guarded.addScramUser('alice', 'sesame');
  await guarded.addScramUser('bob', 'sesame');
  await guarded.addScramUser('fleet', 'sesame', { clientIdPrefix: 'fleet-' });
  await guarded.addUser('plain', 'sesame');
});

beforeEach(async () => {
  await guarded.cloud.faults.clear();
  await guarded.forgive();
});

afterAll(() => Promise.all([guarded.stop(), provider.stop()]));

function auth(reasonCode: number, data?: string, authenticationMethod = method): IAuthPacket {
  const authenticationData = data === undefined ? {} : { authenticationData: Buffer.from(data) };
  return { cmd: 'auth', reasonCode, properties: { authenticationMethod, ...authenticationData } };
}

function connect(clientId: string, data: string, fields: ConnectFields = {}, authenticationMethod = method) {
  const authenticationData = Buffer.from(data);
  const properties = { ...fields.properties, authenticationMethod, authenticationData };
  return connectPacket(clientId, { ...fields, properties });
}

interface Challenged {
  readonly client: Client5;
  readonly scram: ScramClient;
  readonly serverFirst: string;
}

/** A client that has said CONNECT and has to answer. */
async function begin(clientId: string, fields: ConnectFields = {}, who = new ScramClient('alice', 'sesame')) {
  const client = await guarded.broker.open();
  client.send(connect(clientId, who.first, fields));
  const { properties } = await client.next('auth');
  return { client, scram: who, serverFirst: String(properties?.authenticationData) } satisfies Challenged;
}

async function conclude({ client, scram, serverFirst }: Challenged): Promise<Client5> {
  client.send(auth(0x18, scram.answer(serverFirst)));
  client.connack = await client.next('connack');
  return client;
}

async function logIn(clientId: string, fields: ConnectFields = {}, who?: ScramClient): Promise<Client5> {
  return conclude(await begin(clientId, fields, who));
}

/** Begins to authenticate anew, and returns what the server says to it. */
async function beginAnew(client: Client5, scram: ScramClient): Promise<string> {
  client.send(auth(0x19, scram.first));
  return String((await client.next('auth')).properties?.authenticationData);
}

const will = (topic: string) => ({ topic, payload: Buffer.from('gone'), qos: 1, retain: false }) as const;

describe('SCRAM-SHA-256', () => {
  clause(
    ['MQTT-4.12.0-2', 'MQTT-4.12.0-5', 'MQTT-3.15.1-1', 'MQTT-3.15.2-1'],
    'lets a user in with CONNECT, AUTH of 0x18 both ways and CONNACK, all of which name the method',
    async () => {
      const client = await guarded.broker.open();
      const scram = new ScramClient('alice', 'sesame');
      client.send(connect('a', scram.first));
      const challenge = await client.next('auth');
      const serverFirst = String(challenge.properties?.authenticationData);
      client.send(auth(0x18, scram.answer(serverFirst)));
      const { reasonCode, properties } = await client.next('connack');

      expect(challenge).toMatchObject({ reasonCode: 0x18, properties: { authenticationMethod: method } });
      expect(client.bytes[0]).toBe(0xf0);
      expect(serverFirst).toMatch(/^r=rOprNGfwEbeRWgbNEkqO.{24},s=.{24},i=4096$/);
      expect({ reasonCode, method: properties?.authenticationMethod }).toEqual({ reasonCode: 0, method });
      expect(scram.believes(String(properties?.authenticationData))).toBe(true);
      expect(properties).toMatchObject({ receiveMaximum: 1024 });
      expect(await client.publish('a', 'x', { qos: 1 })).toBe(0x10);
    },
  );

  it('lets the same user in with CONNECT and what follows in one stream', async () => {
    const { client, scram, serverFirst } = await begin('stream');
    client.send(
      auth(0x18, scram.answer(serverFirst)),
      { cmd: 'subscribe', messageId: 1, subscriptions: [subscription('own')] },
      publishPacket('own', 'x', { qos: 1, messageId: 2 }),
    );
    await client.next('puback');

    expect((await guarded.broker.heardBy(client)).map(({ text }) => text)).toEqual(['x']);
  });

  clause('MQTT-4.12.0-4', 'refuses a wrong password and an unknown user alike, and closes', async () => {
    const answers: string[] = [];
    for (const who of [
      new ScramClient('alice', 'wrong'),
      new ScramClient('nobody', 'sesame'),
      new ScramClient('plain', 'sesame'),
    ]) {
      const { client } = await begin('a', {}, who).then(async (challenged) => {
        challenged.client.send(auth(0x18, challenged.scram.answer(challenged.serverFirst.replace(/i=\d+$/, 'i=4096'))));
        return challenged;
      });
      const connack = await client.next('connack');
      await client.closed();
      expect(client.rest()).toEqual([]);
      answers.push(JSON.stringify(connack));
      expect(connack).toMatchObject({ reasonCode: 0x87 });
    }

    expect(new Set(answers).size).toBe(1);
  });

  it('offers an unknown user the same salt each time', async () => {
    const salts = [];
    for (const name of ['nobody', 'nobody', 'someone', 'alice', 'alice']) {
      const { serverFirst } = await begin('a', {}, new ScramClient(name, 'x'));
      salts.push(/s=([^,]+)/.exec(serverFirst)?.[1]);
    }

    expect(salts[0]).toBe(salts[1]);
    expect(salts[3]).toBe(salts[4]);
    expect(new Set(salts).size).toBe(3);
  });

  it('refuses an answer that was heard in another exchange', async () => {
    const heard = await begin('a');
    const answer = heard.scram.answer(heard.serverFirst);
    await conclude(heard);
    const { client } = await begin('b');
    client.send(auth(0x18, answer));

    expect(await client.next('connack')).toMatchObject({ reasonCode: 0x82 });
  });

  it('refuses a user with a client id that is not its own', async () => {
    expect((await logIn('other', {}, new ScramClient('fleet', 'sesame'))).connack).toMatchObject({ reasonCode: 0x85 });
    expect((await logIn('fleet-1', {}, new ScramClient('fleet', 'sesame'))).connack).toMatchObject({ reasonCode: 0 });
  });

  it('slows down whoever has failed six times', async () => {
    for (let times = 6; times > 0; times--) await logIn('a', {}, new ScramClient('alice', 'wrong'));
    const client = await guarded.broker.open();
    client.send(connect('a', new ScramClient('alice', 'sesame').first));

    expect(await client.next('connack')).toMatchObject({ reasonCode: 0x9f });
  });

  it('asks an exchange that began before how often its user has failed since', async () => {
    const early = await begin('early');
    for (let times = 6; times > 0; times--) await logIn('a', {}, new ScramClient('alice', 'wrong'));

    expect((await conclude(early)).connack).toMatchObject({ reasonCode: 0x9f });
  });

  clause('MQTT-4.12.0-1', 'is called so in this case only', async () => {
    const client = await guarded.broker.open();
    client.send(connect('a', 'n,,n=alice,r=x', {}, 'scram-sha-256'));

    expect(await client.next('connack')).toMatchObject({ reasonCode: 0x8c });
    await client.closed();
  });

  // Open: the limit that CONNECT states is not asked for AUTH.
  it('sends no AUTH that its client does not take', async () => {
    const client = await guarded.broker.open();
    const properties = { maximumPacketSize: 60 };
    client.send(connect('a', new ScramClient('alice', 'sesame').first, { properties }));
    await guarded.cloud.settled();

    expect(client.rest().filter(({ cmd }) => cmd === 'auth')).toEqual([]);
  });

  it.each([
    ['nothing', undefined],
    ['garbage', 'garbage'],
    ['channel binding', 'p=tls-unique,,n=alice,r=rOprNGfwEbeRWgbNEkqO'],
    ['another user to act for', 'n,a=bob,n=alice,r=rOprNGfwEbeRWgbNEkqO'],
  ])('refuses a first message of %s', async (_what, first) => {
    const client = await guarded.broker.open();
    const packet = connect('a', first ?? '');
    if (first === undefined) delete packet.properties?.authenticationData;
    client.send(packet);
    const { reasonCode = 0 } = await client.next('connack');

    expect([0x82, 0x87]).toContain(reasonCode);
    await client.closed();
  });
});

describe('between CONNECT and CONNACK', () => {
  const breaches: readonly (readonly [what: string, packet: Packet])[] = [
    ['PINGREQ', { cmd: 'pingreq' }],
    ['PUBLISH', publishPacket('from/outside', 'x', { qos: 1, messageId: 1, retain: true })],
    ['SUBSCRIBE', { cmd: 'subscribe', messageId: 1, subscriptions: [subscription('#')] }],
    ['PUBREL', { cmd: 'pubrel', messageId: 1 }],
    ['another CONNECT', connectPacket('a')],
    ['another CONNECT with a password', connectPacket('a', { username: 'plain', password: Buffer.from('sesame') })],
    ['AUTH with 0x19', auth(0x19, 'n,,n=alice,r=rOprNGfwEbeRWgbNEkqO')],
    ['AUTH with 0x00', auth(0x00)],
    ['AUTH with another method', auth(0x18, 'n,,\x01auth=Bearer x\x01\x01', 'OAUTHBEARER')],
    ['AUTH without data', auth(0x18)],
  ];

  for (const [what, packet] of breaches) {
    clause(['MQTT-3.1.2-30', 'MQTT-4.12.0-3'], `${what} ends the connection`, async () => {
      const { client, scram, serverFirst } = await begin('hasty');
      client.send(packet, auth(0x18, scram.answer(serverFirst)));
      await client.closed();
      const heard = client.rest();

      expect(heard).toMatchObject([{ cmd: 'connack', reasonCode: 0x82 }]);
    });
  }

  it('nothing is done of what a client says too early', async () => {
    const listener = await logIn('listener');
    await listener.subscribe('from/outside');
    const client = await guarded.broker.open();
    client.send(
      connect('hasty', new ScramClient('alice', 'sesame').first),
      publishPacket('from/outside', 'x', { qos: 1, messageId: 1 }),
    );
    await client.closed();

    expect(client.rest()).toMatchObject([{ cmd: 'auth' }, { cmd: 'connack', reasonCode: 0x82 }]);
    expect(await guarded.broker.heardBy(listener)).toEqual([]);
  });

  clause('MQTT-3.1.2-30', 'DISCONNECT ends the connection without a word, and leaves nothing', async () => {
    const before = await guarded.older.rows();
    const { client } = await begin('leaver', { will: will('lost/leaver') });
    client.send({ cmd: 'disconnect', reasonCode: 0 });
    await client.closed();

    expect(client.rest()).toEqual([]);
    expect(await guarded.older.rows()).toEqual(before);
  });

  it('a client that is lost leaves nothing, its will least of all', async () => {
    const listener = await logIn('listener');
    await listener.subscribe('lost/#');
    const before = await guarded.older.rows();
    const { client } = await begin('lost', { will: will('lost/lost') });
    await guarded.broker.lose(client);

    expect(await guarded.older.rows()).toEqual(before);
    expect(await guarded.broker.heardBy(listener)).toEqual([]);
  });

  it('a client that does not answer in time is closed and leaves nothing', async () => {
    const before = await guarded.older.rows();
    const { client } = await begin('silent');
    guarded.cloud.clock.jump(10_000);
    await client.closed();
    const after = await guarded.older.rows();

    expect(after.filter((row) => !before.includes(row))).toEqual([]);
  });

  it('the connection that has the session so far is left alone', async () => {
    const owner = await logIn('mine');
    const challenged = await begin('mine');
    await owner.ping();
    await conclude({ ...challenged, scram: new ScramClient('alice', 'wrong') }).catch(() => undefined);
    await owner.ping();
    await logIn('mine');

    expect(await owner.farewell()).toMatchObject({ reasonCode: 0x8e });
  });
});

describe('a session that was opened by an exchange', () => {
  it('is resumed by another, with all that waits in it', async () => {
    const before = await logIn('steady', { clean: false, properties: { sessionExpiryInterval: 600 } });
    await before.subscribe('to/steady');
    await guarded.broker.leave(before);
    const publisher = await logIn('publisher');
    await publisher.publish('to/steady', 'while away', { qos: 2 });
    const after = await logIn('steady', { clean: false, properties: { sessionExpiryInterval: 600 } });

    expect(after.connack).toMatchObject({ reasonCode: 0, sessionPresent: true });
    expect(await after.hear()).toMatchObject({ text: 'while away', qos: 2 });
  });

  it('is for nobody but its user', async () => {
    const client = await logIn('kept', { clean: false, properties: { sessionExpiryInterval: 600 } });

    expect((await logIn('kept', {}, new ScramClient('bob', 'sesame'))).connack).toMatchObject({ reasonCode: 0x85 });
    await guarded.broker.leave(client);
    const other = await logIn('kept', { clean: false }, new ScramClient('bob', 'sesame'));
    expect(other.connack).toMatchObject({ reasonCode: 0, sessionPresent: false });
  });

  it('keeps the will and the keep-alive of its CONNECT', async () => {
    const listener = await logIn('listener', { keepalive: 0 });
    await listener.subscribe('lost/#');
    const lost = await logIn('lost', { will: will('lost/lost') });
    await guarded.broker.lose(lost);
    expect(await listener.hear()).toMatchObject({ topic: 'lost/lost', text: 'gone' });

    const quiet = await logIn('quiet', { keepalive: 20, will: will('lost/quiet') });
    await guarded.broker.pass(31);
    expect(await quiet.farewell()).toMatchObject({ reasonCode: 0x8d });
    expect(await listener.hear()).toMatchObject({ topic: 'lost/quiet' });
  });
});

describe('a client that authenticates anew', () => {
  clause(
    ['MQTT-4.12.1-1', 'MQTT-4.12.0-5', 'MQTT-3.15.2-1'],
    'is told so with AUTH of 0x00, and messages flow both ways meanwhile',
    async () => {
      const publisher = await logIn('publisher');
      const client = await logIn('renewed', { will: will('lost/renewed') });
      await client.subscribe({ topic: 'to/renewed', qos: 1 });
      const scram = new ScramClient('alice', 'sesame', 'another+nonce+of+mine');
      const serverFirst = await beginAnew(client, scram);
      await publisher.publish('to/renewed', 'meanwhile', { qos: 1 });
      expect(await client.hear()).toMatchObject({ text: 'meanwhile' });
      expect(await client.publish('to/renewed', 'its own', { qos: 2 })).toBe(0);
      expect(await client.hear()).toMatchObject({ text: 'its own' });
      client.send(auth(0x18, scram.answer(serverFirst)));
      const { reasonCode, properties } = await client.next('auth');

      expect({ reasonCode, method: properties?.authenticationMethod }).toEqual({ reasonCode: 0, method });
      expect(scram.believes(String(properties?.authenticationData))).toBe(true);
      await publisher.publish('to/renewed', 'after', { qos: 1 });
      expect(await client.hear()).toMatchObject({ text: 'after' });
    },
  );

  it('may do so again and again', async () => {
    const client = await logIn('eager');
    for (let times = 3; times > 0; times--) {
      const scram = new ScramClient('alice', 'sesame');
      client.send(auth(0x18, scram.answer(await beginAnew(client, scram))));
      expect(await client.next('auth')).toMatchObject({ reasonCode: 0 });
    }
    await client.ping();
  });

  const failures: readonly (readonly [what: string, who: ScramClient])[] = [
    ['with a wrong password', new ScramClient('alice', 'wrong')],
    ['as another user', new ScramClient('bob', 'sesame')],
  ];

  for (const [what, who] of failures) {
    clause('MQTT-4.12.1-2', `${what} is told 0x87 by DISCONNECT and closed, and its will is published`, async () => {
      const listener = await logIn('listener');
      await listener.subscribe('lost/#');
      const client = await logIn('failing', { will: will('lost/failing') });
      client.send(auth(0x18, who.answer(await beginAnew(client, who))));

      expect(await client.farewell()).toMatchObject({ reasonCode: 0x87 });
      expect(await listener.hear()).toMatchObject({ topic: 'lost/failing' });
    });
  }

  clause('MQTT-4.12.1-2', 'with a client id that is no longer its own is told 0x87', async () => {
    await guarded.addScramUser('moving', 'sesame');
    const scram = new ScramClient('moving', 'sesame');
    const client = await logIn('here', {}, scram);
    const account = await guarded.accounts.read('moving');
    await guarded.accounts.replace({ ...account!, clientId: 'there' });
    client.send(auth(0x18, scram.answer(await beginAnew(client, scram))));

    expect(await client.farewell()).toMatchObject({ reasonCode: 0x87 });
  });

  const breaches: readonly (readonly [what: string, packets: readonly Packet[]])[] = [
    ['AUTH with 0x18 before 0x19', [auth(0x18, 'c=biws')]],
    ['AUTH with 0x00', [auth(0x00)]],
    ['another method', [auth(0x19, 'n,,\x01auth=Bearer x\x01\x01', 'OAUTHBEARER')]],
    ['no method', [{ cmd: 'auth', reasonCode: 0x19 }]],
    ['0x19 twice', Array.from({ length: 2 }, () => auth(0x19, new ScramClient('alice', 'sesame').first))],
    ['a malformed message', [auth(0x19, 'garbage')]],
  ];

  for (const [what, packets] of breaches) {
    clause(['MQTT-4.12.1-2', 'MQTT-4.12.0-5', 'MQTT-4.12.1-1'], `with ${what} is told 0x82`, async () => {
      const client = await logIn('wrong');
      client.send(...packets);

      expect(await client.farewell()).toMatchObject({ reasonCode: 0x82 });
    });
  }
});

describe('OAUTHBEARER', () => {
  const bearer = async (seconds: number, clientId?: string) => {
    const ahead = Math.floor((guarded.cloud.clock.now() - Date.now()) / 1000);
    const token = await provider.token({ ttl: seconds + ahead, ...(clientId && { clientId }) });
    return `n,,\x01auth=Bearer ${token}\x01\x01`;
  };

  async function connected(seconds: number, clientId = 'bearer'): Promise<Client5> {
    const client = await guarded.broker.open();
    client.send(connect(clientId, await bearer(seconds), { keepalive: 500 }, 'OAUTHBEARER'));
    client.connack = await client.next('connack');
    return client;
  }

  clause('MQTT-4.12.0-5', 'lets in with CONNECT and CONNACK alone', async () => {
    const client = await connected(300);

    expect(client.connack).toMatchObject({ reasonCode: 0, properties: { authenticationMethod: 'OAUTHBEARER' } });
  });

  clause(['MQTT-4.12.0-4', 'MQTT-4.12.0-1'], 'refuses a token that is not good', async () => {
    const client = await guarded.broker.open();
    client.send(connect('a', 'n,,\x01auth=Bearer e30.e30.e30\x01\x01', {}, 'OAUTHBEARER'));

    expect(await client.next('connack')).toMatchObject({ reasonCode: 0x87 });
    await client.closed();
  });

  it('keeps a connection beyond its first token when the next one comes in time', async () => {
    const client = await connected(200);
    await guarded.broker.pass(150);
    client.send(auth(0x19, await bearer(200), 'OAUTHBEARER'));
    expect(await client.next('auth')).toMatchObject({ reasonCode: 0 });
    await guarded.broker.pass(150);
    await client.ping();
    expect(await client.publish('a', 'x', { qos: 1 })).toBe(0x10);
    await guarded.broker.pass(60);

    expect(await client.farewell()).toMatchObject({ reasonCode: 0xa0 });
  });

  it('ends a connection earlier when the next token is shorter', async () => {
    const client = await connected(400);
    client.send(auth(0x19, await bearer(100), 'OAUTHBEARER'));
    expect(await client.next('auth')).toMatchObject({ reasonCode: 0 });
    await guarded.broker.pass(101);

    expect(await client.farewell()).toMatchObject({ reasonCode: 0xa0 });
  });

  clause('MQTT-4.12.1-2', 'ends a connection whose next token is of another subject', async () => {
    const client = await connected(300);
    client.send(auth(0x19, await bearer(300, 'other-device'), 'OAUTHBEARER'));

    expect(await client.farewell()).toMatchObject({ reasonCode: 0x87 });
  });

  clause('MQTT-4.12.1-2', 'ends a connection whose next token is not good', async () => {
    const client = await connected(300);
    client.send(auth(0x19, 'n,,\x01auth=Bearer e30.e30.e30\x01\x01', 'OAUTHBEARER'));

    expect(await client.farewell()).toMatchObject({ reasonCode: 0x87 });
  });

  clause(
    'MQTT-4.12.1-2',
    'says that the server is busy when nobody can tell whether the next token is good',
    async () => {
      const client = await connected(300);
      const next = await bearer(300);
      await provider.stop();
      await guarded.cloud.faults.kill('onPackets'); // and with them the keys they know
      client.send(auth(0x19, next, 'OAUTHBEARER'));

      expect(await client.farewell()).toMatchObject({ reasonCode: 0x89 });
    },
  );
});

describe('an exchange while containers come and go', () => {
  const calls = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

  afterEach(() => guarded.cloud.faults.clear());

  it('goes on in another one', async () => {
    const challenged = await begin('wandering');
    await guarded.cloud.settled();
    await guarded.cloud.faults.kill('onPackets');
    const client = await conclude(challenged);
    expect(client.connack).toMatchObject({ reasonCode: 0 });

    const scram = new ScramClient('alice', 'sesame');
    const serverFirst = await beginAnew(client, scram);
    await guarded.cloud.settled();
    await guarded.cloud.faults.kill('onPackets');
    client.send(auth(0x18, scram.answer(serverFirst)));
    expect(await client.next('auth')).toMatchObject({ reasonCode: 0 });
  });

  it.each(calls)('that die at their call %i lets in the right user or nobody', async (skip) => {
    await guarded.cloud.faults.set({ fault: 'call', outcome: 'kill', function: 'onPackets', skip, times: 1 });
    const client = await logIn(`right-${skip}`).catch(() => undefined);
    if (client) expect([0, 0x80, 0x82]).toContain(client.connack?.reasonCode);
    await guarded.cloud.faults.clear();

    expect((await logIn(`right-${skip}`)).connack).toMatchObject({ reasonCode: 0 });
  });

  it.each(calls)('that die after their call %i do not let in the wrong one', async (skip) => {
    const kill = { fault: 'call', outcome: 'kill', when: 'after', function: 'onPackets', skip, times: 1 } as const;
    await guarded.cloud.faults.set(kill);
    const client = await logIn(`wrong-${skip}`, {}, new ScramClient('alice', 'wrong')).catch(() => undefined);
    await guarded.cloud.settled();

    if (client) expect([0x80, 0x82, 0x87]).toContain(client.connack?.reasonCode);
    const rows = await guarded.older.rows();
    expect(rows.filter((row) => row.startsWith(`sessions wrong-${skip} `))).toEqual([]);
  });
});
