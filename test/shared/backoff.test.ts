import { describe, expect, it } from '@jest/globals';
import { backoffMs } from '../../lambdas/shared/backoff';

describe('a backoff', () => {
  const limits = { firstMs: 50, maxMs: 1_000 };

  it('doubles up to its longest pause', () => {
    const pauses = [1, 2, 3, 5, 6, 40].map((repetition) => backoffMs(repetition, { ...limits, jitter: 0 }));

    expect(pauses).toEqual([50, 100, 200, 800, 1_000, 1_000]);
  });

  it.each([
    [1, 0],
    [0.5, 100],
  ])('with a jitter of %d lies between %d and its limit', (jitter, least) => {
    const pauses = Array.from({ length: 1_000 }, () => backoffMs(3, { ...limits, jitter }));

    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(least);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(200);
    expect(Math.max(...pauses) - Math.min(...pauses)).toBeGreaterThan((200 - least) / 2);
  });
});
