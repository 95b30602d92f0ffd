import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Account, BindingOwner, PrefixOwner } from '../../lambdas/access/accounts';
import type { Identity } from '../../lambdas/access/identity';
import { DynamoAccountDirectory } from '../../lambdas/storage/account-directory';
import { readNumber, readText } from '../../lambdas/storage/attributes';
import { DynamoBindings, seenPartitions } from '../../lambdas/storage/bindings';
import { CombinedBindings } from '../../lambdas/storage/combined-bindings';
import { itExhaustive, randomCases } from '../support/exhaustive';
import { Random } from '../support/random';
import { Engine, type Gate, open } from './support/engine';

const now = 1_700_000_000_000;
const day = 24 * 3600 * 1000;

let engine: Engine;
let bindings: DynamoBindings;
let store: CombinedBindings;
let directory: DynamoAccountDirectory;
let requests = 0;

const counting: Gate = (request) => {
  requests += 1;
  return open(request);
};

beforeAll(async () => {
  engine = await Engine.start();
  bindings = new DynamoBindings(engine.client(counting), engine.table('accounts'));
  const table = engine.table('logins');
  store = new CombinedBindings(bindings, new DynamoBindings(engine.client(), table, seenPartitions));
  directory = new DynamoAccountDirectory(engine.client(), engine.table('accounts'));
});

afterEach(async () => {
  for await (const page of directory.list()) for (const { username } of page) await directory.remove(username);
});

afterAll(() => engine.stop());

function user(username: string, bound: Partial<Identity>): Identity {
  return { kind: 'user', username, ...bound };
}

function account(username: string, fields: Partial<Account> = {}): Account {
  return { username, passwordHash: 'hash', rules: [], ...fields };
}

function token(clientId: string, username = 'device'): Identity {
  return { kind: 'token', issuer: 'https://issuer.example', username, clientId, expiresAt: now + 1000 };
}

async function prefixesOf(clientId: string): Promise<PrefixOwner[]> {
  const found: PrefixOwner[] = [];
  for await (const holder of bindings.prefixOwners(clientId, now)) found.push(holder);
  return found;
}

async function holdersOf(clientId: string, at: number): Promise<readonly BindingOwner[]> {
  return (await Promise.all(store.sources.map((source) => source.owners(clientId, at)))).flat();
}

async function rows(): Promise<string[]> {
  const { Items = [] } = await engine.client().send(new ScanCommand({ TableName: engine.table('accounts') }));
  return Items.map(({ id, part }) => `${readText(id)} ${readText(part)}`.replaceAll('\0', ' ')).sort();
}

describe('the binding of a client id', () => {
  it('names its accounts and the subjects of tokens', async () => {
    await directory.create(account('ann', { clientId: 'd1' }));
    await directory.create(account('ben', { clientId: 'd1' }));
    await store.save(token('d1'), now);

    expect(await holdersOf('d1', now)).toEqual([
      { kind: 'user', username: 'ann' },
      { kind: 'user', username: 'ben' },
      { kind: 'token', username: 'device', issuer: 'https://issuer.example' },
    ]);
    expect(await holdersOf('d', now)).toEqual([]);
    expect(await holdersOf('d11', now)).toEqual([]);
  });

  it('holds for client ids that are longer than keys, each for itself', async () => {
    const long = 'x'.repeat(3000);
    await directory.create(account('long', { clientId: `${long}1` }));

    expect(await holdersOf(`${long}1`, now)).toHaveLength(1);
    expect(await holdersOf(`${long}2`, now)).toEqual([]);
  });

  it('of a token ends 90 days after its subject connected last', async () => {
    await store.save(token('seasonal'), now);

    expect(await holdersOf('seasonal', now + 89 * day)).toHaveLength(1);
    expect(await holdersOf('seasonal', now + 91 * day)).toEqual([]);
    await store.save(token('seasonal'), now + 80 * day);
    expect(await holdersOf('seasonal', now + 169 * day)).toHaveLength(1);
  });

  it('of a token is written again only when half of its time is over', async () => {
    await store.save(token('often'), now);
    const written = async () => {
      const { Items = [] } = await engine.client().send(new ScanCommand({ TableName: engine.table('logins') }));
      return readNumber(Items.find(({ id }) => readText(id) === 'seen client#often')?.expiresAt) * 1000;
    };
    await store.save(token('often'), now + 44 * day);
    expect(await written()).toBe(now + 90 * day);
    await store.save(token('often'), now + 46 * day);

    expect(await written()).toBe(now + 136 * day);
  });
});

describe('the binding of a prefix', () => {
  it('is found for all client ids that begin with it, the longest first', async () => {
    for (const [name, clientIdPrefix] of Object.entries({
      a: 'flat-',
      b: 'flat-kitchen-',
      c: 'flat-kitchen-1',
      d: 'g',
    }))
      await directory.create(account(name, { clientIdPrefix }));
    await directory.create(account('e', { clientIdPrefix: 'flat-' }));

    expect((await prefixesOf('flat-kitchen-12')).map(({ prefix }) => prefix)).toEqual([
      ...['flat-kitchen-1', 'flat-kitchen-', 'flat-', 'flat-'],
    ]);
    expect((await prefixesOf('flat-')).map(({ username }) => username).sort()).toEqual(['a', 'e']);
    expect(await prefixesOf('flat')).toEqual([]);
    expect(await prefixesOf('zoo')).toEqual([]);
  });

  it('is found with any characters, among any others', async () => {
    const random = new Random(7);
    const letters = ['a', 'b', '-', '\u{1f3e0}', '\u{1f3e1}', '\u{e4}', '\u{1}', '\u{ffee}'];
    const word = (most: number) =>
      Array.from({ length: 1 + random.below(most) }, () => letters[random.below(letters.length)]).join('');
    const prefixes = [...new Set(Array.from({ length: 60 }, () => word(5)))];
    for (const [index, clientIdPrefix] of prefixes.entries()) await bindings.add(user(`u${index}`, { clientIdPrefix }));
    for (let round = 0; round < randomCases(200); round++) {
      const clientId = word(8);
      const longest = prefixes.filter((prefix) => clientId.startsWith(prefix)).sort((x, y) => y.length - x.length);

      expect((await prefixesOf(clientId)).map(({ prefix }) => prefix)).toEqual(longest);
    }
    for (const [index, clientIdPrefix] of prefixes.entries())
      await bindings.remove(user(`u${index}`, { clientIdPrefix }));
  });

  itExhaustive('takes one request where there is none, and four among a thousand alike', async () => {
    requests = 0;
    await prefixesOf('kitchen-17x');
    expect(requests).toBe(1);
    const alike = Array.from({ length: 1000 }, (_, index) =>
      user(`u${index}`, { clientIdPrefix: `kitchen-${index}-` }),
    );
    for (const identity of alike) await bindings.add(identity);
    requests = 0;
    await prefixesOf('kitchen-17x');

    expect(requests).toBeLessThanOrEqual(4);
    for (const identity of alike) await bindings.remove(identity);
  });
});

describe('an account', () => {
  it('takes its binding along when it is added and when it is removed', async () => {
    await directory.create(account('kitchen', { clientId: 'kitchen-1' }));
    await directory.create(account('house', { clientIdPrefix: 'house-' }));

    expect(await rows()).toEqual(expect.arrayContaining(['client#kitchen-1 user#kitchen', 'prefixes house- house']));
    await directory.remove('kitchen');
    await directory.remove('house');
    expect((await rows()).filter((row) => /kitchen|house/.test(row))).toEqual([]);
  });

  it('changes its binding when it is replaced, and keeps it with a new password', async () => {
    await directory.create(account('moves', { clientId: 'here' }));
    await directory.replace(account('moves', { clientId: 'here', passwordHash: 'other' }));
    expect(await holdersOf('here', now)).toHaveLength(1);
    await directory.replace(account('moves', { clientIdPrefix: 'there-' }));

    expect(await holdersOf('here', now)).toEqual([]);
    expect(await prefixesOf('there-1')).toEqual([{ prefix: 'there-', username: 'moves' }]);
  });

  it('that is there already leaves the client ids as they are', async () => {
    await directory.create(account('there', { clientId: 'mine' }));

    expect(await directory.create(account('there', { clientId: 'more' }))).toBe('exists');
    expect(await directory.replace(account('nobody', { clientId: 'more' }))).toBe('absent');
    expect(await holdersOf('more', now)).toEqual([]);
    expect(await holdersOf('mine', now)).toHaveLength(1);
  });

  it('that an earlier release has added or removed is repaired by reserving all client ids', async () => {
    await directory.create(account('later', { clientId: 'later' }));
    await directory.create(account('old', { clientId: 'd-old' }));
    await directory.create(account('older', { clientIdPrefix: 'p-old' }));
    await bindings.remove(user('old', { clientId: 'd-old' }));
    await bindings.remove(user('older', { clientIdPrefix: 'p-old' }));
    await bindings.add(user('gone', { clientId: 'd-gone' }));
    await store.save(token('d-token'), now);

    expect(await directory.reserveClientIds()).toEqual({ reserved: 2, released: 1 });
    expect(await directory.reserveClientIds()).toEqual({ reserved: 0, released: 0 });
    expect(await holdersOf('d-old', now)).toEqual([{ kind: 'user', username: 'old' }]);
    expect(await prefixesOf('p-old-1')).toEqual([{ prefix: 'p-old', username: 'older' }]);
    expect(await holdersOf('d-gone', now)).toEqual([]);
    expect(await holdersOf('d-token', now)).toHaveLength(1);
  });
});
