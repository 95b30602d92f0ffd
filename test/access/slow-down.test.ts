import { describe, expect, it } from '@jest/globals';
import { failureMemory, isSlowedDown, sourceOf } from '../../lambdas/access/slow-down';

const now = 1_700_000_000_000;

describe('failed logins', () => {
  const none = { count: 0, lastAt: 0 };

  for (const [kind, free] of [
    ['ofUser', 5],
    ['ofAddress', 100],
  ] as const) {
    const waits = (count: number, lastAt: number) =>
      isSlowedDown({ ofUser: none, ofAddress: none, [kind]: { count, lastAt } }, now);

    it.each([0, 1, free])(`${kind} cost nothing when there are %i`, (count) => {
      expect(waits(count, now)).toBe(false);
    });

    it.each([
      [1, 2],
      [2, 4],
      [5, 32],
      [9, 512],
      [10, 900],
      [5000, 900],
    ])(`${kind} make the next one wait when there are %i more: %i seconds since the last`, (more, seconds) => {
      const lastAt = now - seconds * 1000;

      expect(waits(free + more, lastAt + 1)).toBe(true);
      expect(waits(free + more, lastAt)).toBe(false);
    });

    it(`${kind} are forgotten after a quarter of an hour`, () => {
      expect(waits(1_000_000, now - failureMemory)).toBe(false);
    });

    it(`${kind} still count when the clock of whoever wrote them is ahead`, () => {
      expect(waits(free + 1, now + 500)).toBe(true);
    });
  }
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
    expect(sourceOf(address)).toBe(source);
  });

  it.each(['', 'unknown', '2001:db8', ':::', '1:2:3:4:5:6:7:8:9', '::1]/x', '%', 'a:b@c'])(
    'that is no address stays as it is: %j',
    (address) => {
      expect(sourceOf(address)).toBe(address);
    },
  );
});
