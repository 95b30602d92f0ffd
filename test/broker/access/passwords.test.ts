/*
 * Proved elsewhere: what a hash is made of: test/access/password-hash.test.ts; when an address has to wait, and what an address
 *   is: test/access/slow-down.test.ts; that a refusal takes the same time for all: test/hostile/timing.test.ts; SCRAM-SHA-256: scram.test.ts.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { IConnectPacket } from 'mqtt-packet';
import { clause } from '../../support/clause';
import { connectPacket, written } from '../../support/client5';
import { everythingRule, GuardedBroker, reveals } from '../../support/guarded-broker';
import { hex } from '../../support/packets';
import { publishPacket } from '../../support/text-client';

const secret = 'Qz7-Walrus+under/9-Bridges';

function login(username: string, password?: string): Partial<IConnectPacket> {
  return { username, ...(password !== undefined && { password: Buffer.from(password) }) };
}

/** [MQTT-3.1.2-3] is broken by it. */
function withReservedFlag(connect: Buffer): Buffer {
  return Buffer.concat([connect.subarray(0, 9), Buffer.from([connect[9]! | 1]), connect.subarray(10)]);
}

describe('a broker without an access file', () => {
  let guarded: GuardedBroker;

  beforeAll(async () => {
    guarded = await GuardedBroker.start({});
    guarded.cloud.clock.hold();
    await guarded.addUser('alice', secret);
    await guarded.addUser('bound', secret, { clientId: 'only-this' });
    await guarded.addUser('fleet', secret, { clientIdPrefix: 'fleet-' });
    await guarded.addScramUser('scrambled', secret);
  });

  beforeEach(() => guarded.forgive());

  afterAll(() => guarded.stop());

  /** The code that each version hears. */
  async function codes(clientId: string, fields: Partial<IConnectPacket>): Promise<[number?, number?]> {
    const older = await guarded.older.connect(clientId, fields);
    await guarded.cloud.settled();
    const newer = await guarded.broker.connect(clientId, fields);
    return [older.connack?.returnCode, newer.connack?.reasonCode];
  }

  describe('refuses', () => {
    clause(['v3 MQTT-3.2.2-5', 'MQTT-3.1.4-2', 'MQTT-3.2.2-7'], 'a client without a name and closes', async () => {
      expect(await codes('a', {})).toEqual([5, 0x87]);

      const client = await guarded.broker.connect('a');
      await client.closed();
      const older = await guarded.older.connect('a');
      await older.closed();
    });

    it.each([
      ['a name alone', login('alice'), [5, 0x87]],
      ['a wrong password', login('alice', 'wrong'), [4, 0x86]],
      ['a password with something behind it', login('alice', `${secret} `), [4, 0x86]],
      ['an empty password', login('alice', ''), [4, 0x86]],
      ['a user that does not exist', login('nobody', secret), [4, 0x86]],
      ['a name in another case', login('Alice', secret), [4, 0x86]],
      ['an empty name', login('', secret), [4, 0x86]],
      ['a user without a password', login('scrambled', secret), [4, 0x86]],
      ['a client id that the user is not bound to', login('bound', secret), [2, 0x85]],
      ['a client id without the prefix of the user', login('fleet', secret), [2, 0x85]],
    ] as const)('%s', async (_what, fields, expected) => {
      expect(await codes('someone', fields)).toEqual(expected);
    });

    clause('MQTT-3.1.3-8', 'a client id by 0x85, and closes', async () => {
      for (const username of ['bound', 'fleet']) {
        const client = await guarded.broker.connect('someone', login(username, secret));
        await client.closed();

        expect(client.connack).toMatchObject({ reasonCode: 0x85 });
        expect(client.rest()).toEqual([]);
      }
    });

    it('a password without a name', async () => {
      const client = await guarded.broker.open();
      client.sendBytes(hex('10 16 0004 4d515454 05 42 003c 00 0001 61 0006 736563726574'));

      expect(await client.next('connack')).toMatchObject({ reasonCode: 0x86 });
    });

    it('a token, as nobody issues any', async () => {
      const token = `${Buffer.from('{"alg":"none"}').toString('base64url')}.e30.`;

      expect(await codes('a', login('alice', token))).toEqual([4, 0x86]);
    });

    it('a wrong password and an unknown user in the same words', async () => {
      const answers = [];
      for (const name of ['alice', 'nobody']) {
        const client = await guarded.broker.open();
        client.send(connectPacket('a', login(name, 'wrong')));
        await client.closed();
        answers.push(client.bytes.toString('latin1'));
      }

      expect(answers[0]).toContain('login refused');
      expect(answers[1]).toBe(answers[0]);
    });

    clause('MQTT-3.1.4-6', 'everything behind a CONNECT that is refused', async () => {
      const listener = await guarded.broker.connect('listener', login('alice', secret));
      await listener.subscribe('from/intruder');
      const client = await guarded.broker.open();
      client.send(
        connectPacket('intruder', login('alice', 'wrong')),
        publishPacket('from/intruder', 'x', { qos: 1, messageId: 1 }),
        connectPacket('intruder', login('alice', secret)),
        publishPacket('from/intruder', 'y', { qos: 1, messageId: 2 }),
      );
      await client.closed();

      expect(client.rest()).toMatchObject([{ cmd: 'connack', reasonCode: 0x86 }]);
      expect(await guarded.broker.heardBy(listener)).toEqual([]);
    });

    clause('MQTT-3.1.4-6', 'a second CONNECT in a frame of its own, right though it is', async () => {
      const client = await guarded.broker.open();
      client.send(connectPacket('stubborn', login('alice', 'wrong')));
      client.send(connectPacket('stubborn', login('alice', secret)));
      await client.closed();
      await guarded.cloud.settled();

      expect(client.rest()).toMatchObject([{ cmd: 'connack', reasonCode: 0x86 }]);
      expect((await guarded.older.rows()).filter((row) => row.includes('stubborn'))).toEqual([]);
    });

    it('a will with its client: it is not kept', async () => {
      const will = { topic: 'will/refused', payload: Buffer.from('x'), qos: 1, retain: true } as const;
      const client = await guarded.broker.connect('with-will', { ...login('alice', 'wrong'), will });
      await client.closed();
      const listener = await guarded.broker.connect('listener', login('alice', secret));
      await listener.subscribe('will/refused');

      expect(await guarded.broker.heardBy(listener)).toEqual([]);
      expect((await guarded.older.rows()).filter((row) => row.includes('with-will'))).toEqual([]);
    });
  });

  describe('lets in', () => {
    it.each([
      ['a user with its password', 'someone', 'alice'],
      ['a user with the client id it is bound to', 'only-this', 'bound'],
      ['a user with a client id that has its prefix', 'fleet-7', 'fleet'],
    ])('%s', async (_what, clientId, username) => {
      expect(await codes(clientId, login(username, secret))).toEqual([0, 0]);
    });

    it('a user that was added just now, and no longer one that was removed', async () => {
      await guarded.addUser('brief', secret);
      expect(await codes('brief', login('brief', secret))).toEqual([0, 0]);

      await guarded.accounts.remove('brief');
      expect(await codes('brief', login('brief', secret))).toEqual([4, 0x86]);
    });

    it('a user whose password was changed, with the new one only', async () => {
      await guarded.addUser('changed', 'before');
      await guarded.accounts.remove('changed');
      await guarded.addUser('changed', 'after');

      expect(await codes('changed', login('changed', 'before'))).toEqual([4, 0x86]);
      expect(await codes('changed', login('changed', 'after'))).toEqual([0, 0]);
    });

    it('a user with a CONNECT in several frames', async () => {
      const client = await guarded.broker.open();
      const bytes = written(connectPacket('slices', login('alice', secret)));
      for (let start = 0; start < bytes.length; start += 20) client.sendBytes(bytes.subarray(start, start + 20));

      expect(await client.next('connack')).toMatchObject({ reasonCode: 0 });
    });

    it('nobody with a CONNECT in more frames than anybody needs', async () => {
      const client = await guarded.broker.open();
      const bytes = written(connectPacket('slices', login('alice', secret)));
      for (const byte of bytes) client.sendBytes(Buffer.from([byte]));
      await client.closed();

      expect(client.rest()).toEqual([]);
    });
  });

  describe('slows down whoever has failed six times with one user name', () => {
    async function fail(times: number): Promise<void> {
      for (let left = times; left > 0; left--) {
        const client = await guarded.broker.connect('guess', login('alice', `guess ${left}`));
        expect(client.connack).toMatchObject({ reasonCode: 0x86 });
      }
    }

    it('and does not look at its passwords, right or wrong; another device of the address is not kept out', async () => {
      await fail(6);

      expect((await guarded.broker.connect('a', login('alice', secret))).connack).toMatchObject({ reasonCode: 0x9f });
      expect((await guarded.broker.connect('a', login('alice', 'wrong'))).connack).toMatchObject({ reasonCode: 0x9f });
      expect((await guarded.broker.connect('a', login('nobody', 'x'))).connack).toMatchObject({ reasonCode: 0x86 });
    });

    it('and twenty devices more with wrong passwords: the others of their address come in at once', async () => {
      await guarded.addUser('neighbour', secret);
      const devices = Array.from({ length: 21 }, (_, index) => `device ${index}`);
      for (let count = 0; count < 5; count++) {
        const tried = devices.map((name) => guarded.older.connect(name, login(name, 'wrong')));
        for (const { connack } of await Promise.all(tried)) expect(connack).toMatchObject({ returnCode: 4 });
      }

      expect((await guarded.broker.connect('b', login('neighbour', secret))).connack).toMatchObject({ reasonCode: 0 });
    });

    it('says to a client of MQTT 3.1.1 that it is unavailable', async () => {
      await fail(6);

      expect((await guarded.older.connect('a', login('alice', secret))).connack).toMatchObject({ returnCode: 3 });
    });

    it('until it has waited, twice as long each time', async () => {
      await fail(6);
      guarded.cloud.clock.jump(2000);
      await fail(1);
      guarded.cloud.clock.jump(2000);
      expect((await guarded.broker.connect('a', login('alice', secret))).connack).toMatchObject({ reasonCode: 0x9f });
      guarded.cloud.clock.jump(2000);

      expect((await guarded.broker.connect('a', login('alice', secret))).connack).toMatchObject({ reasonCode: 0 });
    });

    it('but leaves alone who is in already', async () => {
      const client = await guarded.broker.connect('inside', login('alice', secret));
      await fail(6);

      expect(await client.publish('a', 'x', { qos: 1 })).toBe(0x10);
    });
  });

  describe('keeps secrets', () => {
    const connect = (fields: Partial<IConnectPacket> = {}) =>
      connectPacket('keeper', { ...login('alice', secret), ...fields });

    afterEach(async () => {
      expect(reveals(guarded.lines.join('\n'), secret)).toBe(false);
      expect(reveals(await guarded.stored(), secret)).toBe(false);
    });

    it('which a test would find', async () => {
      for (const text of [`...${secret.slice(5, 14)}...`, Buffer.from(`abcd${secret}`).toString('base64')]) {
        expect(reveals(text, secret)).toBe(true);
      }
      expect(reveals('{"password":"another","other":"Bridge"}', secret)).toBe(false);
      const stored = await guarded.stored();
      expect(stored).toContain('user#alice');
      expect(reveals(stored, 'user#alice')).toBe(true);
    });

    it('of those it lets in', async () => {
      const client = await guarded.broker.open();
      client.send(connect());
      await client.next('connack');
      await guarded.older.connect('keeper-of-old', login('alice', secret));
    });

    it('of those it refuses', async () => {
      await guarded.broker.connect('keeper', login('nobody', secret));
      await guarded.broker.connect('keeper', login('bound', secret));
      await guarded.broker.connect('keeper', login('alice', `${secret}+`));
      await guarded.older.connect('keeper', login('alice', `${secret}+`));
      expect(guarded.logged('refused').map(({ why }) => why)).toEqual(
        expect.arrayContaining(['no such user', 'bound to another client id', 'wrong password']),
      );
    });

    it('of those that have to wait', async () => {
      for (let left = 7; left > 0; left--) await guarded.broker.connect('keeper', login('nobody', secret));
    });

    it.each([
      ['malformed', withReservedFlag(written(connect()))],
      [
        'cut off and followed by something else',
        Buffer.concat([written(connect()).subarray(0, -3), written(connect())]),
      ],
      [
        'too long for what it has',
        Buffer.concat([Buffer.from([0x10, 0x7f]), written(connect()), Buffer.alloc(80, 0xff)]),
      ],
    ])('of a CONNECT that is %s', async (_what, bytes) => {
      const client = await guarded.broker.open();
      client.sendBytes(bytes);
      await client.closed();
      await guarded.cloud.settled();
    });

    it('of a CONNECT that waits for an exchange of AUTH packets', async () => {
      const client = await guarded.broker.open();
      const authenticationData = Buffer.from('n,,n=scrambled,r=rOprNGfwEbeRWgbNEkqO');
      client.send(connect({ properties: { authenticationMethod: 'SCRAM-SHA-256', authenticationData } }));
      await client.next('auth');

      expect(await guarded.stored()).toContain('n=scrambled,r=rOprNGfwEbeRWgbNEkqO'); // the row is there
    });

    it('of a CONNECT that was never finished, once its time is over', async () => {
      const client = await guarded.broker.open();
      client.sendBytes(written(connect()).subarray(0, -4));
      await guarded.cloud.settled();
      guarded.cloud.clock.jump(10_000);
      await client.closed();
    });
  });
});

describe('a broker on which everybody may do everything', () => {
  let guarded: GuardedBroker;

  beforeAll(async () => {
    guarded = await GuardedBroker.start({ anonymous: 'everything' });
    await guarded.addUser('alice', secret, { rules: [{ ...everythingRule, topics: ['own/#'] }] });
  });

  afterAll(() => guarded.stop());

  it('lets in whoever has no account, whatever its password', async () => {
    for (const fields of [{}, login('nobody'), login('nobody', 'x')]) {
      const client = await guarded.broker.connect('a', fields);

      expect(client.connack).toMatchObject({ reasonCode: 0 });
      expect(await client.publish('any', 'x', { qos: 1 })).toBe(0x10);
    }
  });

  it('still asks a user for its password, and holds it to its rules', async () => {
    expect((await guarded.broker.connect('b', login('alice', 'wrong'))).connack).toMatchObject({ reasonCode: 0x86 });
    const client = await guarded.broker.connect('b', login('alice', secret));

    expect(await client.publish('any', 'x', { qos: 1 })).toBe(0x87);
    expect(await client.publish('own/any', 'x', { qos: 1 })).toBe(0x10);
  });
});
