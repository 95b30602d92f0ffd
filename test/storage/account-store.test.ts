import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Account, AccountDirectory } from '../../lambdas/access/accounts';
import { DynamoAccountDirectory } from '../../lambdas/storage/account-directory';
import { DynamoAccountStore } from '../../lambdas/storage/account-store';
import { DynamoDebugClients } from '../../lambdas/storage/debug-clients';
import { DynamoLoginStore } from '../../lambdas/storage/login-store';
import { Engine } from './support/engine';
import { everyByte } from './support/messages';

const now = 1_700_000_000_123;

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
  let logins: DynamoLoginStore;
  let directory: AccountDirectory;
  const logged: unknown[] = [];

  const log = (event: string, fields: object) => logged.push({ event, ...fields });

  beforeAll(async () => {
    engine = await Engine.start();
    const table = (name: 'accounts' | 'logins') => engine.table(name);
    store = new DynamoAccountStore(engine.client(), table('accounts'), log);
    logins = new DynamoLoginStore(engine.client(), { accounts: table('accounts'), logins: table('logins') }, log);
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
    expect(await store.readMany(['kitchen'])).toEqual(new Map([['kitchen', full]]));
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
    const hash = 'x'.repeat(100_000); // DynamoDB returns at most 1 MB in a page
    const large = Array.from({ length: 25 }, (_, index) => ({ ...plain(`large-${index}`), passwordHash: hash }));
    await Promise.all(large.map((account) => directory.create(account)));
    await new DynamoDebugClients(engine.client(), engine.table('accounts')).add('kitchen', now);

    const names = (await listed()).map(({ username }) => username).filter((name) => name.startsWith('large-'));

    expect(names.sort()).toEqual(large.map(({ username }) => username).sort());
    expect((await listed()).every(({ username }) => username !== '')).toBe(true);
    await Promise.all(large.map(({ username }) => directory.remove(username)));
  });

  it.each(['Kitchen', 'k\u00fcche', 'ku\u0308che', '家', '🔑', 'a#b', 'account', '__proto__', 'x'.repeat(256)])(
    'of any name are distinct: %s',
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
    for (const name of impossible)
      expect(await logins.read({ username: name, clientId: '', source: '', now })).not.toHaveProperty('account');
  });

  it('are read in one batch, each once', async () => {
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

    expect(await logins.read({ username: 'broken', clientId: '', source: '', now })).not.toHaveProperty('account');
    expect([...(await store.readMany(['broken', 'kitchen'])).keys()]).toEqual(['kitchen']);
    expect(logged).toEqual([
      { event: 'unreadable account', error },
      { event: 'unreadable account', error },
    ]);
    await expect(directory.read('broken')).rejects.toThrow(error);
    expect(await directory.remove('broken')).toBe('removed');
  });
});
