import { describe, expect, it } from '@jest/globals';
import { failureRule, failureSourceOf, isKnownClientThrottled, isThrottled } from '../../lambdas/access/login-throttle';
import type { Failures, KnownClient } from '../../lambdas/access/logins';

const now = 1_700_000_000_000;

const { windowMilliseconds } = failureRule;
const none = { count: 0, lastAt: 0 };
const nothing = { ofName: { count: 0, since: 0 }, ofAddress: { count: 0, since: 0 } };

describe.each([
  [
    'others with one user name from one address',
    (failures: Failures) => isThrottled({ failures, clients: new Map() }, nothing, now),
  ],
  ['a known client', (failures: Failures) => isKnownClientThrottled({ loggedInAt: now, failures }, now)],
])('failed logins of %s', (_whose, waitsAfter) => {
  const waits = (count: number, lastAt: number) => waitsAfter({ count, lastAt });

  it.each([0, 1, 5])('cause no wait when there are %i', (count) => {
    expect(waits(count, now)).toBe(false);
  });

  it.each([
    [6, 2],
    [7, 4],
    [10, 32],
    [14, 512],
    [15, 900],
    [5000, 900],
  ])('delay the next login when there are %i: %i seconds since the last', (count, seconds) => {
    const lastAt = now - seconds * 1000;

    expect(waits(count, lastAt + 1)).toBe(true);
    expect(waits(count, lastAt)).toBe(false);
  });

  it('are forgotten after a quarter of an hour', () => {
    expect(waits(1_000_000, now - windowMilliseconds)).toBe(false);
  });

  it('still count when the clock of the container that wrote them is ahead', () => {
    expect(waits(6, now + 500)).toBe(true);
  });
});

describe.each([
  ['from one address', 'ofAddress', 1000],
  ['with one name from all addresses', 'ofName', 100],
] as const)('failed logins %s', (_which, key, free) => {
  const waits = (count: number, since: number, clients = new Map<string, KnownClient>()) =>
    isThrottled({ failures: none, clients }, { ...nothing, [key]: { count, since } }, now);

  it.each([0, 1, free])('cause no wait when there are %i', (count) => {
    expect(waits(count, now)).toBe(false);
  });

  it(`cause a wait when there are more than ${free}, until a quarter of an hour after the first`, () => {
    for (const count of [free + 1, 1_000_000]) {
      expect(waits(count, now - windowMilliseconds + 1)).toBe(true);
      expect(waits(count, now - windowMilliseconds)).toBe(false);
    }
  });

  it('cause no wait if any client with this name has recently logged in from this address', () => {
    const clients = new Map([['key', { loggedInAt: now - 1000, failures: none }]]);

    expect(waits(1_000_000, now, clients)).toBe(false);
  });
});

describe('a source', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:DB8:0:0:0:0:0:0001', '2001:db8:0:0::/64'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['::', '0:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['1::', '1:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::FFFF:cb00:7107', '203.0.113.7'],
    ['64:ff9b::203.0.113.7', '64:ff9b:0:0::/64'],
  ])('%s counts as %s', (address, source) => {
    expect(failureSourceOf(address)).toBe(source);
  });

  it.each(['', 'unknown', '2001:db8', ':::', '1:2:3:4:5:6:7:8:9', '::1]/x', '%', 'a:b@c'])(
    'that is not an address is unchanged: %j',
    (address) => {
      expect(failureSourceOf(address)).toBe(address);
    },
  );
});
