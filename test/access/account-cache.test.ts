import { describe, expect, it } from '@jest/globals';
import { AccountCache } from '../../lambdas/access/account-cache';
import type { Account } from '../../lambdas/access/accounts';

const second = 1000;

/** Creates a cache over accounts that a test can change, and records its reads and log lines. */
function cacheOf(...accounts: Account[]) {
  const stored = new Map(accounts.map((account) => [account.username, account]));
  const reads: (readonly string[])[] = [];
  const logged: Record<string, string>[] = [];
  const time = { now: 1_700_000_000_000 };
  const readMany = async (usernames: readonly string[]) => {
    reads.push(usernames);
    return new Map([...stored].filter(([username]) => usernames.includes(username)));
  };
  const cache = new AccountCache(
    { readMany },
    () => time.now,
    (event, fields) => logged.push({ event, ...fields }),
  );
  return { cache, stored, reads, logged, time };
}

const account = (username: string, topic = 'a'): Account => ({
  username,
  rules: [{ actions: ['publish'], topics: [topic] }],
});

describe('the account cache', () => {
  it('reads accounts that are requested at the same time in one call', async () => {
    const { cache, reads } = cacheOf(account('ann'), account('ben'));

    await expect(Promise.all(['ann', 'ben', 'ann', 'nobody'].map((name) => cache.read(name)))).resolves.toEqual([
      account('ann'),
      account('ben'),
      account('ann'),
      undefined,
    ]);
    expect(reads).toEqual([['ann', 'ben', 'nobody']]);
  });

  it('keeps accounts for half a minute, including those that do not exist', async () => {
    const { cache, time } = cacheOf(account('ann'));
    await Promise.all([cache.read('ann'), cache.read('nobody')]);

    time.now += 30 * second - 1;
    expect(cache.get('ann')?.account).toEqual(account('ann'));
    expect(cache.get('nobody')).toMatchObject({});
    expect(cache.get('never asked')).toBeUndefined();
    time.now += 1;
    expect(cache.get('ann')).toBeUndefined();
    expect(cache.get('nobody')).toBeUndefined();
  });

  it('returns the same object for an unchanged account', async () => {
    const { cache, stored } = cacheOf(account('ann'));
    const before = await cache.read('ann');
    stored.set('ann', account('ann'));

    expect(await cache.read('ann')).toBe(before);
    stored.set('ann', account('ann', 'b'));
    expect(await cache.read('ann')).toEqual(account('ann', 'b'));
  });

  it('logs changes of an operator', async () => {
    const { cache, stored, logged } = cacheOf();
    for (const now of [undefined, account('ann'), account('ann'), account('ann', 'b'), undefined]) {
      if (now) stored.set('ann', now);
      else stored.delete('ann');
      await cache.read('ann');
    }

    expect(logged).toEqual(
      ['made', 'changed', 'removed'].map((change) => ({ event: 'account changed', username: 'ann', change })),
    );
  });

  it('reads again after a failed read', async () => {
    let fails = true;
    const readMany = async () => {
      if (fails) throw new Error('throttled');
      return new Map([['ann', account('ann')]]);
    };
    const cache = new AccountCache({ readMany }, Date.now, () => undefined);

    await expect(Promise.all([cache.read('ann'), cache.read('ann')])).rejects.toThrow('throttled');
    fails = false;
    await expect(cache.read('ann')).resolves.toEqual(account('ann'));
  });
});
