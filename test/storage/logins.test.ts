import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { failureRule, isSlowedDown } from '../../lambdas/access/slow-down';
import { DynamoAccountDirectory } from '../../lambdas/storage/account-directory';
import { forms } from '../../lambdas/storage/item-form';
import { DynamoLoginStore } from '../../lambdas/storage/logins';
import { Engine, type Gate } from './support/engine';
import { everyInterleaving } from './support/interleaving';

const now = 1_700_000_000_123;
const minute = 60_000;
const rule = { memory: minute, countedForAddress: 5 };
const kitchen = { username: 'kitchen', passwordHash: 'hash', rules: [] };

function openStore(engine: Engine, gate?: Gate): DynamoLoginStore {
  const tables = { accounts: engine.table('accounts'), logins: engine.table('logins') };
  return new DynamoLoginStore(engine.client(gate), tables, () => undefined);
}

describe('failed logins', () => {
  let engine: Engine;
  let store: DynamoLoginStore;

  beforeAll(async () => {
    engine = await Engine.start();
    store = openStore(engine);
    await new DynamoAccountDirectory(engine.client(), engine.table('accounts')).create(kitchen);
  });

  afterAll(() => engine.stop());

  it('are read in one call', async () => {
    let calls = 0;
    const counting = openStore(engine, (request) => {
      calls += 1;
      return request();
    });
    await store.addFailure('kitchen', '2001:db8::1', now, rule);

    expect(await counting.read('kitchen', '2001:db8::1', now)).toEqual({
      account: kitchen,
      failures: { ofUser: { count: 1, lastAt: now }, ofAddress: { count: 1, since: now } },
    });
    expect(calls).toBe(1);
  });

  it('are not counted for ever in a row of a form that this release does not know', async () => {
    const v = { N: String(forms.logins.read + 1) };
    const Item = { id: { S: 'address#192.0.2.90' }, part: { S: 'failures#kitchen' }, v, lastAt: { N: String(now) } };
    await engine.client().send(new PutItemCommand({ TableName: engine.table('logins'), Item }));

    await expect(store.addFailure('kitchen', '192.0.2.90', now, rule)).rejects.toThrow('10 attempts');
  });

  it('are counted by address', async () => {
    await store.addFailure('kitchen', '192.0.2.2', now, rule);
    await store.addFailure('kitchen', '192.0.2.2', now + 1, rule);
    await store.addFailure('kitchen', '192.0.2.3', now + 2, rule);

    const ofAddress = async (address: string) => (await store.read(undefined, address, now + 3)).failures.ofAddress;
    expect(await ofAddress('192.0.2.2')).toEqual({ count: 2, since: now });
    expect(await ofAddress('192.0.2.3')).toEqual({ count: 1, since: now + 2 });
    expect(await ofAddress('192.0.2.4')).toEqual({ count: 0, since: 0 });
  });

  it('count for their address as often as the rule says, for each user name', async () => {
    for (const username of ['kitchen', 'garage', undefined]) {
      for (let count = 0; count < 7; count++) await store.addFailure(username, '192.0.2.10', now, rule);
    }

    const { ofUser, ofAddress } = (await store.read('garage', '192.0.2.10', now)).failures;
    expect([ofUser.count, ofAddress.count]).toEqual([7, 15]);
  });

  it('of devices that have a wrong password all day make none of their neighbours wait', async () => {
    const day = 24 * 60 * minute;
    const devices = ['shed', 'attic', 'cellar'];
    let failed = 0;
    for (let time = now, turn = 0; time < now + day; time += minute, turn++) {
      const username = devices[turn % devices.length];
      const { failures } = await store.read(username, '192.0.2.11', time);
      const neighbour = (await store.read('kitchen', '192.0.2.11', time)).failures;
      expect(isSlowedDown(neighbour, time)).toBe(false);
      if (isSlowedDown(failures, time)) continue;
      await store.addFailure(username, '192.0.2.11', time, failureRule);
      failed += 1;
    }

    expect(failed).toBeGreaterThan(300);
    const left = (await store.read(undefined, '192.0.2.11', now + day)).failures;
    expect(left.ofAddress.count).toBeLessThanOrEqual(devices.length * 10);
  });

  it('are counted by user name as well, which another name of the same address does not see', async () => {
    await store.addFailure('kitchen', '192.0.2.9', now, rule);
    await store.addFailure('garage', '192.0.2.9', now, rule);
    await store.addFailure('garage', '192.0.2.9', now, rule);
    const counts = async (username: string) => {
      const { ofUser, ofAddress } = (await store.read(username, '192.0.2.9', now)).failures;
      return [ofUser.count, ofAddress.count];
    };

    expect(await counts('kitchen')).toEqual([1, 3]);
    expect(await counts('garage')).toEqual([2, 3]);
    expect(await counts('')).toEqual([0, 3]);
  });

  it('are counted anew: of a user name so long after the last one, of an address after the first', async () => {
    const counts = async (time: number) => {
      await store.addFailure('kitchen', '192.0.2.5', time, rule);
      const { ofUser, ofAddress } = (await store.read('kitchen', '192.0.2.5', time)).failures;
      return [ofUser.count, ofAddress.count];
    };

    expect(await counts(now)).toEqual([1, 1]);
    expect(await counts(now + minute)).toEqual([2, 2]);
    expect(await counts(now + minute + 1)).toEqual([3, 1]);
    expect(await counts(now + 2 * minute + 2)).toEqual([1, 1]);
  });

  it('are forgotten in time, whenever DynamoDB deletes them', async () => {
    await store.addFailure('kitchen', '192.0.2.6', now, rule);

    expect((await store.read(undefined, '192.0.2.6', now + minute)).failures.ofAddress.count).toBe(1);
    expect((await store.read(undefined, '192.0.2.6', now + minute + 1000)).failures.ofAddress.count).toBe(0);
    const Key = { id: { S: 'address#192.0.2.6' }, part: { S: 'failures' } };
    const { Item } = await engine.client().send(new GetItemCommand({ TableName: engine.table('logins'), Key }));
    expect(Number(Item?.expiresAt?.N)).toBe(Math.ceil((now + minute) / 1000));
  });

  it('are not counted for an address that nobody knows', async () => {
    await store.addFailure('kitchen', '', now, rule);

    expect(await store.read(undefined, '', now)).toEqual({
      failures: { ofUser: { count: 0, lastAt: 0 }, ofAddress: { count: 0, since: 0 } },
    });
  });

  it.each([
    ['at first', undefined],
    ['after older ones', now - minute - 1],
  ])('are all counted when two containers meet one %s', async (when, earlier) => {
    const rounds = await everyInterleaving(async (race, round) => {
      const address = `${when}-${round}`;
      if (earlier !== undefined) await store.addFailure('kitchen', address, earlier, rule);

      await race(
        (gate) => openStore(engine, gate).addFailure('kitchen', address, now, rule),
        (gate) => openStore(engine, gate).addFailure('kitchen', address, now, rule),
      );

      expect((await store.read('kitchen', address, now)).failures.ofUser.count).toBe(2);
    });

    expect(rounds).toBeGreaterThan(5);
  });
});

describe('the secret of a broker', () => {
  it('is made once, whoever asks first', async () => {
    const rounds = await everyInterleaving(async (race) => {
      const engine = await Engine.start();
      const secrets: Buffer[] = [];
      const ask = async (gate: Gate) => {
        const store = openStore(engine, gate);
        secrets.push(await store.secret());
      };

      await race(ask, ask);
      await ask((request) => request());

      expect(secrets.map((secret) => secret.length)).toEqual([32, 32, 32]);
      expect(new Set(secrets.map(String)).size).toBe(1);
      await engine.stop();
    });

    expect(rounds).toBeGreaterThan(3);
  });

  it('is remembered', async () => {
    const engine = await Engine.start();
    let calls = 0;
    const gate: Gate = (request) => {
      calls += 1;
      return request();
    };
    const store = openStore(engine, gate);

    const secret = await store.secret();
    const before = calls;

    expect(await store.secret()).toBe(secret);
    expect(calls).toBe(before);
    await engine.stop();
  });

  it('of a release that kept it with the accounts stays: users who do not exist keep the salts that they were given', async () => {
    const engine = await Engine.start();
    const secret = Buffer.alloc(32, 7);
    const Item = { id: { S: 'broker' }, part: { S: 'secret' }, secret: { B: secret }, v: { N: '2' } };
    await engine.client().send(new PutItemCommand({ TableName: engine.table('accounts'), Item }));

    expect(await openStore(engine).secret()).toEqual(secret);
    await engine.stop();
  });
});
