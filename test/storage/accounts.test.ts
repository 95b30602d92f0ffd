import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Account, AccountDirectory } from '../../lambdas/access/accounts';
import { failureRule, isSlowedDown } from '../../lambdas/access/slow-down';
import { DynamoAccountDirectory } from '../../lambdas/storage/account-directory';
import { DynamoAccountStore } from '../../lambdas/storage/accounts';
import { forms } from '../../lambdas/storage/item-form';
import { Engine, type Gate } from './support/engine';
import { everyInterleaving } from './support/interleaving';
import { everyByte } from './support/messages';

const now = 1_700_000_000_123;
const minute = 60_000;
const rule = { memory: minute, countedForAddress: 5 };

const full: Account = {
  username: 'kitchen',
  passwordHash: '$scrypt$ln=15,r=8,p=1$c2FsdA$aGFzaA',
  scram: { salt: everyByte, iterations: 4096, storedKey: Buffer.alloc(32, 1), serverKey: Buffer.alloc(32, 2) },
  clientId: 'kitchen-1',
  clientIdPrefix: 'kitchen-',
  rules: [
    { actions: ['publish'], topics: ['home/kitchen/#'], maxQos: 1, retain: false },
    { name: 'no spies', effect: 'deny', actions: ['subscribe', 'receive'], topics: ['#'] },
  ],
  maxConnections: 3,
};

function plain(username: string): Account {
  return { username, passwordHash: 'hash', rules: [] };
}

describe('accounts', () => {
  let engine: Engine;
  let store: DynamoAccountStore;
  let directory: AccountDirectory;
  const logged: unknown[] = [];

  const openStore = (gate?: Gate) =>
    new DynamoAccountStore(engine.client(gate), engine.table('accounts'), (event, fields) =>
      logged.push({ event, ...fields }),
    );

  beforeAll(async () => {
    engine = await Engine.start();
    store = openStore();
    directory = new DynamoAccountDirectory(engine.client(), engine.table('accounts'));
  });

  beforeEach(() => {
    logged.splice(0);
  });

  afterAll(() => engine.stop());

  async function listed(): Promise<Account[]> {
    const found: Account[] = [];
    for await (const page of directory.list()) found.push(...page);
    return found;
  }

  it('come back as they were created, with everything or with as good as nothing', async () => {
    const bare: Account = { username: 'bare', rules: [] };

    expect(await directory.create(full)).toBe('created');
    expect(await directory.create(bare)).toBe('created');

    expect(await directory.read('kitchen')).toEqual(full);
    expect(await directory.read('bare')).toEqual(bare);
    expect(await directory.read('nobody')).toBeUndefined();
    expect((await store.readLogin('kitchen', '', now)).account).toEqual(full);
  });

  it('are created once and replaced only when they are there', async () => {
    await directory.create(plain('once'));

    expect(await directory.create({ ...plain('once'), clientId: 'thief' })).toBe('exists');
    expect(await directory.replace({ ...plain('once'), maxConnections: 1 })).toBe('replaced');
    expect(await directory.replace(plain('never'))).toBe('absent');

    expect(await directory.read('once')).toEqual({ ...plain('once'), maxConnections: 1 });
    expect(await directory.read('never')).toBeUndefined();
  });

  it('are gone when they are removed', async () => {
    await directory.create(plain('removed'));

    expect(await directory.remove('removed')).toBe('removed');
    expect(await directory.remove('removed')).toBe('absent');
    expect(await store.readMany(['removed'])).toEqual(new Map());
  });

  it('are listed page by page, and nothing else of the table is', async () => {
    const hash = 'x'.repeat(100_000); // DynamoDB hands out 1 MB a page
    const large = Array.from({ length: 25 }, (_, index) => ({ ...plain(`large-${index}`), passwordHash: hash }));
    await Promise.all(large.map((account) => directory.create(account)));
    await store.addFailure('kitchen', '192.0.2.1', now, rule);
    await store.secret();

    const names = (await listed()).map(({ username }) => username).filter((name) => name.startsWith('large-'));

    expect(names.sort()).toEqual(large.map(({ username }) => username).sort());
    expect((await listed()).every(({ username }) => username !== '')).toBe(true);
    await Promise.all(large.map(({ username }) => directory.remove(username)));
  });

  it.each(['Kitchen', 'k\u00fcche', 'ku\u0308che', '家', '🔑', 'a#b', 'account', '__proto__', 'x'.repeat(256)])(
    'of any name are told apart: %s',
    async (username) => {
      expect(await directory.create({ ...plain(username), clientId: username })).toBe('created');

      expect(await store.readMany([username, 'kitchen'])).toEqual(
        new Map([
          [username, { ...plain(username), clientId: username }],
          ['kitchen', full],
        ]),
      );
    },
  );

  it('are none for names that cannot have one, however long a client makes them', async () => {
    const impossible = ['', 'x'.repeat(257), 'ü'.repeat(129), 'x'.repeat(65_535)];

    expect(await store.readMany(impossible)).toEqual(new Map());
    for (const name of impossible) expect(await store.readLogin(name, '', now)).not.toHaveProperty('account');
  });

  it('are read many at once, each asked for once', async () => {
    const names = Array.from({ length: 120 }, (_, index) => `many-${index}`);
    await Promise.all(names.map((name) => directory.create(plain(name))));

    const found = await store.readMany([...names, ...names, 'nobody']);

    expect([...found.keys()].sort()).toEqual([...names].sort());
    expect(await store.readMany([])).toEqual(new Map());
  });

  it.each(['{"actions":["publish"]}', 'nonsense', ''])('that make no sense are none: %j', async (rules) => {
    const Item = {
      id: { S: 'user#broken' },
      part: { S: 'account' },
      passwordHash: { S: 'hash' },
      rules: rules === '' ? { NULL: true as const } : { S: rules },
    };
    await engine.client().send(new PutItemCommand({ TableName: engine.table('accounts'), Item }));
    const error = 'the rules of user "broken" are no JSON list';

    expect(await store.readLogin('broken', '', now)).not.toHaveProperty('account');
    expect([...(await store.readMany(['broken', 'kitchen'])).keys()]).toEqual(['kitchen']);
    expect(logged).toEqual([
      { event: 'unreadable account', error },
      { event: 'unreadable account', error },
    ]);
    await expect(directory.read('broken')).rejects.toThrow(error);
    expect(await directory.remove('broken')).toBe('removed');
  });

  describe('and failed logins', () => {
    it('are read in one call', async () => {
      let calls = 0;
      const counting = openStore((request) => {
        calls += 1;
        return request();
      });
      await store.addFailure('kitchen', '2001:db8::1', now, rule);

      expect(await counting.readLogin('kitchen', '2001:db8::1', now)).toEqual({
        account: full,
        failures: { ofUser: { count: 1, lastAt: now }, ofAddress: { count: 1, since: now } },
      });
      expect(calls).toBe(1);
    });

    it('are not counted for ever in a row of a form that this release does not know', async () => {
      const v = { N: String(forms.accounts.read + 1) };
      const Item = { id: { S: 'address#192.0.2.90' }, part: { S: 'failures#kitchen' }, v, lastAt: { N: String(now) } };
      await engine.client().send(new PutItemCommand({ TableName: engine.table('accounts'), Item }));

      await expect(store.addFailure('kitchen', '192.0.2.90', now, rule)).rejects.toThrow('10 attempts');
    });

    it('are counted by address', async () => {
      await store.addFailure('kitchen', '192.0.2.2', now, rule);
      await store.addFailure('kitchen', '192.0.2.2', now + 1, rule);
      await store.addFailure('kitchen', '192.0.2.3', now + 2, rule);

      const ofAddress = async (address: string) =>
        (await store.readLogin(undefined, address, now + 3)).failures.ofAddress;
      expect(await ofAddress('192.0.2.2')).toEqual({ count: 2, since: now });
      expect(await ofAddress('192.0.2.3')).toEqual({ count: 1, since: now + 2 });
      expect(await ofAddress('192.0.2.4')).toEqual({ count: 0, since: 0 });
    });

    it('count for their address as often as the rule says, for each user name', async () => {
      for (const username of ['kitchen', 'garage', undefined]) {
        for (let count = 0; count < 7; count++) await store.addFailure(username, '192.0.2.10', now, rule);
      }

      const { ofUser, ofAddress } = (await store.readLogin('garage', '192.0.2.10', now)).failures;
      expect([ofUser.count, ofAddress.count]).toEqual([7, 15]);
    });

    it('of devices that have a wrong password all day make none of their neighbours wait', async () => {
      const day = 24 * 60 * minute;
      const devices = ['shed', 'attic', 'cellar'];
      let failed = 0;
      for (let time = now, turn = 0; time < now + day; time += minute, turn++) {
        const username = devices[turn % devices.length];
        const { failures } = await store.readLogin(username, '192.0.2.11', time);
        const neighbour = (await store.readLogin('kitchen', '192.0.2.11', time)).failures;
        expect(isSlowedDown(neighbour, time)).toBe(false);
        if (isSlowedDown(failures, time)) continue;
        await store.addFailure(username, '192.0.2.11', time, failureRule);
        failed += 1;
      }

      expect(failed).toBeGreaterThan(300);
      const left = (await store.readLogin(undefined, '192.0.2.11', now + day)).failures;
      expect(left.ofAddress.count).toBeLessThanOrEqual(devices.length * 10);
    });

    it('are counted by user name as well, which another name of the same address does not see', async () => {
      await store.addFailure('kitchen', '192.0.2.9', now, rule);
      await store.addFailure('garage', '192.0.2.9', now, rule);
      await store.addFailure('garage', '192.0.2.9', now, rule);
      const counts = async (username: string) => {
        const { ofUser, ofAddress } = (await store.readLogin(username, '192.0.2.9', now)).failures;
        return [ofUser.count, ofAddress.count];
      };

      expect(await counts('kitchen')).toEqual([1, 3]);
      expect(await counts('garage')).toEqual([2, 3]);
      expect(await counts('')).toEqual([0, 3]);
    });

    it('are counted anew: of a user name so long after the last one, of an address after the first', async () => {
      const counts = async (time: number) => {
        await store.addFailure('kitchen', '192.0.2.5', time, rule);
        const { ofUser, ofAddress } = (await store.readLogin('kitchen', '192.0.2.5', time)).failures;
        return [ofUser.count, ofAddress.count];
      };

      expect(await counts(now)).toEqual([1, 1]);
      expect(await counts(now + minute)).toEqual([2, 2]);
      expect(await counts(now + minute + 1)).toEqual([3, 1]);
      expect(await counts(now + 2 * minute + 2)).toEqual([1, 1]);
    });

    it('are forgotten in time, whenever DynamoDB deletes them', async () => {
      await store.addFailure('kitchen', '192.0.2.6', now, rule);

      expect((await store.readLogin(undefined, '192.0.2.6', now + minute)).failures.ofAddress.count).toBe(1);
      expect((await store.readLogin(undefined, '192.0.2.6', now + minute + 1000)).failures.ofAddress.count).toBe(0);
      const Key = { id: { S: 'address#192.0.2.6' }, part: { S: 'failures' } };
      const { Item } = await engine.client().send(new GetItemCommand({ TableName: engine.table('accounts'), Key }));
      expect(Number(Item?.expiresAt?.N)).toBe(Math.ceil((now + minute) / 1000));
    });

    it('are not counted for an address that nobody knows', async () => {
      await store.addFailure('kitchen', '', now, rule);

      expect(await store.readLogin(undefined, '', now)).toEqual({
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
          (gate) => openStore(gate).addFailure('kitchen', address, now, rule),
          (gate) => openStore(gate).addFailure('kitchen', address, now, rule),
        );

        expect((await store.readLogin('kitchen', address, now)).failures.ofUser.count).toBe(2);
      });

      expect(rounds).toBeGreaterThan(5);
    });
  });
});

describe('the secret of a broker', () => {
  it('is made once, whoever asks first', async () => {
    const rounds = await everyInterleaving(async (race) => {
      const engine = await Engine.start();
      const secrets: Buffer[] = [];
      const ask = async (gate: Gate) => {
        const store = new DynamoAccountStore(engine.client(gate), engine.table('accounts'), () => undefined);
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
    const store = new DynamoAccountStore(engine.client(gate), engine.table('accounts'), () => undefined);

    const secret = await store.secret();
    const before = calls;

    expect(await store.secret()).toBe(secret);
    expect(calls).toBe(before);
    await engine.stop();
  });
});
