import { describe, expect, it } from '@jest/globals';
import { Traffic } from '../../../console/model/traffic';

describe('the message rate', () => {
  it('is the average of the last five full seconds, for each direction', () => {
    const traffic = new Traffic();
    for (let at = 0; at < 5_000; at += 100) traffic.count('in', at);
    traffic.count('out', 4_999);

    expect(traffic.perSecond('in', 5_000)).toBe(10);
    expect(traffic.perSecond('out', 5_000)).toBe(0.2);
  });

  it('excludes the current second', () => {
    const traffic = new Traffic();
    traffic.count('in', 5_000);

    expect(traffic.perSecond('in', 5_999)).toBe(0);
    expect(traffic.perSecond('in', 6_000)).toBe(0.2);
  });

  it('returns to zero', () => {
    const traffic = new Traffic();
    traffic.count('in', 0);

    expect(traffic.perSecond('in', 5_000)).toBe(0.2);
    expect(traffic.perSecond('in', 6_000)).toBe(0);
  });
});
