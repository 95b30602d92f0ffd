import { type AttributeValue, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { clientKeyOf } from '../../lambdas/access/known-clients';
import { failureRule, isThrottled } from '../../lambdas/access/login-throttle';
import type { LoginAttempt } from '../../lambdas/access/logins';
import { DynamoAccountDirectory } from '../../lambdas/storage/account-directory';
import { DynamoLoginStore } from '../../lambdas/storage/login-store';
import { schemaVersions } from '../../lambdas/storage/schema-version';
import { itExhaustive } from '../support/exhaustive';
import { Engine, type Gate } from './support/engine';
import { everyInterleaving } from './support/interleaving';

const now = 1_700_000_000_123;
const minute = 60_000;
const rule = { windowMilliseconds: minute, maxSharedPerPair: 5 };
/** Shared counts use the same updates. Without them there are few interleavings of two containers. */
const ofPairOnly = { windowMilliseconds: minute, maxSharedPerPair: 0 };
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

  const fail = (username: string | undefined, source: string, time = now) =>
    store.addFailure(attemptOf(username, source, time), rule, 0);

  /** Failures of the pair, of the name and of the address. */
  async function counts(username: string | undefined, source: string, time = now): Promise<[number, number, number]> {
    const attempt = attemptOf(username, source, time);
    const [{ pair }, { ofName, ofAddress }] = [await store.read(attempt), await store.readShared(attempt)];
    return [pair.failures.count, ofName.count, ofAddress.count];
  }

  async function row(source: string, part: string) {
    const Key = { id: { S: `address#${source}` }, part: { S: part } };
    return (await engine.client().send(new GetItemCommand({ TableName: engine.table('logins'), Key }))).Item;
  }

  it('are read with the account in one call, and those that are shared in another', async () => {
    let calls = 0;
    const counting = openStore(engine, (request) => {
      calls += 1;
      return request();
    });
    await fail('kitchen', '2001:db8::1');
    const attempt = attemptOf('kitchen', '2001:db8::1', now);

    expect(await counting.read(attempt)).toEqual({
      account: kitchen,
      pair: { failures: { count: 1, lastAt: now }, clients: new Map() },
    });
    expect(await counting.readShared(attempt)).toEqual({
      ofName: { count: 1, since: now },
      ofAddress: { count: 1, since: now },
    });
    expect(calls).toBe(2);
  });

  it('are not counted forever in a row with a schema version that this release does not know', async () => {
    const v = { N: String(schemaVersions.logins.read + 1) };
    const Item = { id: { S: 'address#192.0.2.90' }, part: { S: 'failures#kitchen' }, v, lastAt: { N: String(now) } };
    await engine.client().send(new PutItemCommand({ TableName: engine.table('logins'), Item }));

    await expect(fail('kitchen', '192.0.2.90')).rejects.toThrow('10 attempts');
  });

  it('are counted by name and address together, by name and by address', async () => {
    for (const [username, source] of [
      ['porch', '192.0.2.2'],
      ['porch', '192.0.2.3'],
      ['garage', '192.0.2.2'],
      ['garage', '192.0.2.2'],
    ] as const) {
      await fail(username, source);
    }

    expect(await counts('porch', '192.0.2.2')).toEqual([1, 2, 3]);
    expect(await counts('garage', '192.0.2.2')).toEqual([2, 2, 3]);
    expect(await counts('porch', '192.0.2.3')).toEqual([1, 2, 1]);
    expect(await counts('porch', '192.0.2.4')).toEqual([0, 2, 0]);
    expect(await counts('', '192.0.2.2')).toEqual([0, 0, 3]);
  });

  it('count for their name and their address as often as the rule allows', async () => {
    for (const username of ['hall', 'stairs', undefined]) {
      for (let count = 0; count < 7; count++) await fail(username, '192.0.2.10');
    }

    expect(await counts('stairs', '192.0.2.10')).toEqual([7, 5, 15]);
  });

  itExhaustive('of devices that have a wrong password all day make none of their neighbours wait', async () => {
    const day = 24 * 60 * minute;
    const devices = ['shed', 'attic', 'cellar'];
    const waits = async (attempt: LoginAttempt) =>
      isThrottled((await store.read(attempt)).pair, await store.readShared(attempt), attempt.now);
    let failed = 0;
    for (let time = now, turn = 0; time < now + day; time += minute, turn++) {
      const attempt = attemptOf(devices[turn % devices.length], '192.0.2.11', time);
      expect(await waits(attemptOf('kitchen', '192.0.2.11', time))).toBe(false);
      if (await waits(attempt)) continue;
      await store.addFailure(attempt, failureRule, 0);
      failed += 1;
    }

    expect(failed).toBeGreaterThan(300);
    const [, , ofAddress] = await counts(undefined, '192.0.2.11', now + day);
    expect(ofAddress).toBeLessThanOrEqual(devices.length * 10);
  });

  it('are counted anew: of a pair so long after the last one, of a name and an address after the first', async () => {
    const failAt = async (time: number) => {
      await fail('kitchen', '192.0.2.5', time);
      const [ofPair, , ofAddress] = await counts('kitchen', '192.0.2.5', time);
      return [ofPair, ofAddress];
    };

    expect(await failAt(now)).toEqual([1, 1]);
    expect(await failAt(now + minute)).toEqual([2, 2]);
    expect(await failAt(now + minute + 1)).toEqual([3, 1]);
    expect(await failAt(now + 2 * minute + 2)).toEqual([1, 1]);
  });

  it('are forgotten in time, whenever DynamoDB deletes them', async () => {
    await fail('cupboard', '192.0.2.6');

    expect(await counts('cupboard', '192.0.2.6', now + minute)).toEqual([1, 1, 1]);
    expect((await counts('cupboard', '192.0.2.6', now + minute + 1000)).slice(1)).toEqual([0, 0]);
    for (const part of ['failures', 'failures#cupboard']) {
      expect(Number((await row('192.0.2.6', part))?.expiresAt?.N)).toBe(Math.ceil((now + minute) / 1000));
    }
  });

  it('are not counted for an unknown address', async () => {
    await fail('nowhere', '');

    expect(await counts('nowhere', '')).toEqual([0, 0, 0]);
    expect(await counts('nowhere', '192.0.2.7')).toEqual([0, 0, 0]);
  });

  itExhaustive.each([
    ['at first', undefined],
    ['after older ones', now - minute - 1],
  ])('are all counted when two containers meet one %s', async (when, earlier) => {
    const rounds = await everyInterleaving(async (race, round) => {
      const attempt = attemptOf(`${when}-${round}`, `${when}-${round}`, now);
      if (earlier !== undefined) await store.addFailure({ ...attempt, now: earlier }, rule, 0);

      await race(
        (gate) => openStore(engine, gate).addFailure(attempt, ofPairOnly, 0),
        (gate) => openStore(engine, gate).addFailure(attempt, ofPairOnly, 0),
      );

      expect((await store.read(attempt)).pair.failures.count).toBe(2);
    });

    expect(rounds).toBeGreaterThan(5);
  });

  describe('and known clients', () => {
    const later = now + 30 * 24 * 60 * minute;
    const remember = (source: string, known: string, forgotten: string[] = []) =>
      store.remember(attemptOf('kitchen', source, now), { known, forgotten, expiresAt: later });
    const clientsOf = async (source: string) => (await store.read(attemptOf('kitchen', source, now))).pair.clients;
    const none = { count: 0, lastAt: 0 };

    it('lie in one row, from which they can be forgotten', async () => {
      await remember('192.0.2.20', 'a');
      await remember('192.0.2.20', 'b');
      await remember('192.0.2.20', 'c', ['a', 'b', 'unknown']);

      expect(await clientsOf('192.0.2.20')).toEqual(new Map([['c', { loggedInAt: now, failures: none }]]));
      expect(Number((await row('192.0.2.20', 'failures#kitchen'))?.expiresAt?.N)).toBe(Math.ceil(later / 1000));
    });

    it('have failures of their own, which begin anew after a while and end with a login', async () => {
      await remember('192.0.2.21', 'a');
      await remember('192.0.2.21', 'b');
      const failOf = (time: number) => store.addFailureOf('a', attemptOf('kitchen', '192.0.2.21', time), rule);
      const failures = async (key: string) => (await clientsOf('192.0.2.21')).get(key)?.failures;

      await failOf(now);
      await failOf(now + minute);
      expect(await failures('a')).toEqual({ count: 2, lastAt: now + minute });
      await failOf(now + 2 * minute + 1);
      expect(await failures('a')).toEqual({ count: 1, lastAt: now + 2 * minute + 1 });
      expect(await failures('b')).toEqual(none);
      expect(await counts('kitchen', '192.0.2.21')).toEqual([0, expect.any(Number), 0]);

      await remember('192.0.2.21', 'a');
      expect(await failures('a')).toEqual(none);
    });

    it('stay when others fail, and so does their row', async () => {
      await remember('192.0.2.22', 'a');
      await store.addFailure(attemptOf('kitchen', '192.0.2.22', now), rule, later);

      expect((await clientsOf('192.0.2.22')).has('a')).toBe(true);
      expect(Number((await row('192.0.2.22', 'failures#kitchen'))?.expiresAt?.N)).toBe(Math.ceil(later / 1000));
    });

    itExhaustive('are all remembered, and their failures counted, when two containers meet', async () => {
      const rounds = await everyInterleaving(async (race, round) => {
        const attempt = attemptOf('kitchen', `known-${round}`, now);
        await store.remember(attempt, { known: 'a', forgotten: [], expiresAt: later });

        await race(
          (gate) => openStore(engine, gate).addFailureOf('a', attempt, rule),
          async (gate) => {
            await openStore(engine, gate).addFailureOf('a', attempt, rule);
            await openStore(engine, gate).remember(attempt, { known: 'b', forgotten: [], expiresAt: later });
          },
        );

        const { clients } = (await store.read(attempt)).pair;
        expect([...clients.keys()].sort()).toEqual(['a', 'b']);
        expect(clients.get('a')?.failures.count).toBe(2);
      });

      expect(rounds).toBeGreaterThan(5);
    });

    it('fit into one read unit when there are as many as may be, and one write unit without failures', async () => {
      for (let index = 0; index < 32; index++) await remember('192.0.2.23', clientKeyOf(`client ${index}`));
      const attempt = attemptOf('kitchen', '192.0.2.23', now);
      const size = async () => sizeOf(await row('192.0.2.23', 'failures#kitchen'));

      expect(await size()).toBeLessThan(1024);
      for (const key of (await clientsOf('192.0.2.23')).keys()) await store.addFailureOf(key, attempt, rule);
      expect(await size()).toBeLessThan(4096);
    });
  });
});

function attemptOf(username: string | undefined, source: string, time: number): LoginAttempt {
  return { username, clientId: 'client', source, now: time };
}

/**
 * Approximates the item size of DynamoDB: names, strings, half a byte for each digit plus one, three bytes for a map.
 */
function sizeOf(item: Record<string, AttributeValue> = {}): number {
  const sizes = Object.entries(item).map(([name, value]): number => {
    if (value.M) return name.length + 3 + sizeOf(value.M) + Object.keys(value.M).length;
    return name.length + (value.N ? Math.ceil(value.N.length / 2) + 1 : (value.S ?? '').length);
  });
  return sizes.reduce((sum, size) => sum + size, 0);
}

describe('the secret of a broker', () => {
  itExhaustive('is created once by concurrent requests', async () => {
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

  it('of a release that stored it with the accounts stays: unknown users keep their salts', async () => {
    const engine = await Engine.start();
    const secret = Buffer.alloc(32, 7);
    const Item = { id: { S: 'broker' }, part: { S: 'secret' }, secret: { B: secret }, v: { N: '2' } };
    await engine.client().send(new PutItemCommand({ TableName: engine.table('accounts'), Item }));

    expect(await openStore(engine).secret()).toEqual(secret);
    await engine.stop();
  });
});
