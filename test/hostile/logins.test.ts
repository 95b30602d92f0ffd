/*
 * Whoever guesses passwords keeps nobody else out: neither from elsewhere nor from the same address. Proved elsewhere: how failures
 * are counted: test/storage/login-store.test.ts; which clients are known, and for how long: test/access/known-clients.test.ts.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Client5, type ConnectFields, connectPacket } from '../support/client5';
import { hashingOnce } from '../support/guarded-broker';
import { ScramClient } from '../support/scram-client';
import { leftoversIn } from '../support/table-walk';
import { Battlefield, login } from './battlefield';

const letIn = { reasonCode: 0 };
const mustWait = { reasonCode: 0x9f };

/** Concurrent handshakes; the gateway stage allows ten a second by default. */
const atOnce = 15;

describe('guesses of the password of a user', () => {
  let field: Battlefield;

  beforeAll(async () => {
    field = await Battlefield.start({}, hashingOnce);
    for (const name of ['ann', 'ben', 'cleo', 'dora', 'eve', 'finn', 'gus', 'hal']) await field.addDevice(name);
    await field.guarded.addScramUser('scrambled', 'right');
  });

  afterAll(() => field.stop());

  /** Logs in from an address, 127.0.0.1 by default; returns the CONNACK and disconnects. */
  async function tries(
    clientId: string,
    fields: ConnectFields,
    localAddress = '127.0.0.1',
  ): Promise<Client5['connack']> {
    const client = await field.guarded.broker.open({ localAddress });
    await client.connect(clientId, fields);
    if (client.connack?.reasonCode === 0) await client.disconnect();
    await client.closed();
    await field.cloud.settled();
    return client.connack;
  }

  const wrong = (username: string) => ({ username, password: Buffer.from('guess') });

  /** Makes wrong guesses, each under a client id of its own. */
  async function guess(count: number, username: string, localAddress?: string): Promise<void> {
    for (let left = count; left > 0; left--) await tries(`guess-${username}-${left}`, wrong(username), localAddress);
  }

  it('from the address of its client do not lock out the client, which has logged in before', async () => {
    expect(await tries('ann-1', login('ann'))).toMatchObject(letIn);
    await field.endure(10, async () => {
      await guess(10, 'ann');
      expect(await tries('stranger', login('ann'))).toMatchObject(mustWait); // this would be one more guess
      expect(await tries('ann-1', login('ann'))).toMatchObject(letIn);
    });
  });

  it('with SCRAM do not lock it out either, with any method', async () => {
    const exchange = async (clientId: string, password: string) => {
      const client = await field.guarded.broker.open();
      const scram = new ScramClient('scrambled', password);
      client.send(connectPacket(clientId, { properties: authentication(scram.first) }));
      const challenge = await client.next('auth').catch(() => undefined);
      if (!challenge) return client.next('connack');
      const answer = scram.answer(String(challenge.properties?.authenticationData));
      client.send({ cmd: 'auth', reasonCode: 0x18, properties: authentication(answer) });
      const connack = await client.next('connack');
      if (connack.reasonCode === 0) await client.disconnect();
      await client.closed();
      await field.cloud.settled();
      return connack;
    };
    expect(await exchange('scrambled-1', 'right')).toMatchObject(letIn);
    await field.endure(8, async () => {
      for (let count = 0; count < 8; count++) await exchange(`guess-${count}`, 'wrong');
      expect(await exchange('stranger', 'right')).toMatchObject(mustWait);
      expect(await exchange('scrambled-1', 'right')).toMatchObject(letIn);
    });
  });

  it('from elsewhere lock out nobody, not even clients that have never logged in', async () => {
    await field.endure(10, async () => {
      await guess(10, 'ben', '127.0.0.2');
      expect(await tries('ben-1', login('ben'), '127.0.0.2')).toMatchObject(mustWait);
      expect(await tries('ben-1', login('ben'))).toMatchObject(letIn);
      expect(await tries('ben-1', login('ben'), '127.0.0.3')).toMatchObject(letIn);
    });
  });

  it('from many addresses are slowed down, and lock out no address from which the user has logged in', async () => {
    expect(await tries('cleo-1', login('cleo'))).toMatchObject(letIn);
    const addresses = Array.from({ length: 21 }, (_, index) => `127.0.1.${index + 1}`);
    await field.endure(105, async () => {
      for (const address of addresses) await guess(5, 'cleo', address);
    });

    expect(await tries('guess', wrong('cleo'), '127.0.1.200')).toMatchObject(mustWait);
    expect(await tries('cleo-1', login('cleo'))).toMatchObject(letIn);
    expect(await tries('cleo-2', login('cleo'))).toMatchObject(letIn);
  });

  it('and of hundreds of other users from one address lock out no user that has logged in from there', async () => {
    expect(await tries('dora-1', login('dora'))).toMatchObject(letIn);
    await field.endure(1005, async () => {
      for (let attempt = 0; attempt < 1005; attempt += atOnce) {
        const sockets = await field.strangers(atOnce);
        for (const [index, socket] of sockets.entries()) {
          socket.send(connectPacket(`spray-${index}`, wrong(`nobody-${(attempt + index) % 201}`)));
        }
        await Promise.all(sockets.map((socket) => socket.closed()));
      }
    });

    expect(await tries('x', wrong('nobody-new'))).toMatchObject(mustWait);
    expect(await tries('dora-1', login('dora'))).toMatchObject(letIn);
    expect(await tries('dora-2', login('dora'))).toMatchObject(letIn);
    await field.guarded.forgive();
  }, 180_000);

  it('under the client id of the user are limited to five, then they have to wait', async () => {
    expect(await tries('eve-1', login('eve'))).toMatchObject(letIn);
    for (let count = 0; count < 6; count++)
      expect(await tries('eve-1', wrong('eve'))).toMatchObject({ reasonCode: 0x86 });

    expect(await tries('eve-1', wrong('eve'))).toMatchObject(mustWait);
    expect(await tries('eve-2', login('eve'))).toMatchObject(letIn); // its guesses do not count for other clients
  });

  it('leave only rows that expire, and none that grows', async () => {
    await tries('finn-1', login('finn'));
    await guess(8, 'finn');
    for (let count = 0; count < 40; count++) await tries(`finn-${count}`, login('finn'));

    const rows = await field.guarded.loginRows();
    const known = rows.find(({ part }) => part?.S === 'failures#finn') ?? {};
    expect(rows.filter(({ expiresAt, id }) => !expiresAt && id?.S !== 'broker')).toEqual([]);
    expect(await leftoversIn(field.cloud)).toEqual([]);
    expect(Object.keys(known).filter((name) => name.startsWith('c#')).length).toBeLessThanOrEqual(32);
  });
});

describe('a successful login', () => {
  it('is written once a day, and causes no other write', async () => {
    const field = await Battlefield.start({}, hashingOnce);
    await field.addDevice('ann');
    const write = async () => {
      await field.cloud.settled();
      await field.cloud.resetBill();
      const client = await field.enter('ann', 'ann-1');
      await client.disconnect();
      await field.cloud.settled();
      const usage = Object.values((await field.cloud.bill()).dynamodb.tables.logins ?? {});
      return { reads: sum(usage.map(({ reads }) => reads)), writes: sum(usage.map(({ writes }) => writes)) };
    };

    expect(await write()).toMatchObject({ writes: 1 });
    expect(await write()).toMatchObject({ reads: 1, writes: 0 });
    field.cloud.clock.jump(24 * 3600_000);
    expect(await write()).toMatchObject({ writes: 1 });
    await field.stop();
  });
});

function authentication(data: string) {
  return { authenticationMethod: 'SCRAM-SHA-256', authenticationData: Buffer.from(data) };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
