import { describe, expect, it } from '@jest/globals';
import { failureMemory, isSlowedDown, sourceOf } from '../../lambdas/access/slow-down';

const now = 1_700_000_000_000;

describe('failed logins', () => {
  it.each([0, 1, 5])('cost nothing when there are %i', (count) => {
    expect(isSlowedDown({ count, lastAt: now }, now)).toBe(false);
  });

  it.each([
    [6, 2],
    [7, 4],
    [10, 32],
    [14, 512],
    [15, 900],
    [5000, 900],
  ])('make the next one wait when there are %i: %i seconds since the last', (count, seconds) => {
    const lastAt = now - seconds * 1000;

    expect(isSlowedDown({ count, lastAt: lastAt + 1 }, now)).toBe(true);
    expect(isSlowedDown({ count, lastAt }, now)).toBe(false);
  });

  it('are forgotten after a quarter of an hour', () => {
    expect(isSlowedDown({ count: 1_000_000, lastAt: now - failureMemory }, now)).toBe(false);
  });

  it('still count when the clock of whoever wrote them is ahead', () => {
    expect(isSlowedDown({ count: 6, lastAt: now + 500 }, now)).toBe(true);
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
    expect(sourceOf(address)).toBe(source);
  });

  it.each(['', 'unknown', '2001:db8', ':::', '1:2:3:4:5:6:7:8:9', '::1]/x', '%', 'a:b@c'])(
    'that is no address stays as it is: %j',
    (address) => {
      expect(sourceOf(address)).toBe(address);
    },
  );
});
