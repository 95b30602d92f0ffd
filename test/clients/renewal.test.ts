import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Renewal } from '../../clients/renewal';

const seconds = (count: number) => count * 1_000;
const minutes = (count: number) => seconds(60 * count);

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.restoreAllMocks();
  jest.useRealTimers();
});

/** A connection that is renewed between 1 h 50 and 1 h 58, and its age at the renewal in minutes. */
function connection(isWhole = () => true) {
  const openedAt = Date.now();
  const renewedAfter: number[] = [];
  const renewal = new Renewal([6_600, 7_080], isWhole, () => renewedAfter.push((Date.now() - openedAt) / minutes(1)));
  renewal.start();
  return { renewal, renewedAfter };
}

describe('the renewal of a connection', () => {
  it.each([
    [0, 110],
    [0.5, 114],
    [0.999_999, 118],
  ])('happens once, at a random time: with %d after %d minutes', (luck, age) => {
    jest.spyOn(Math, 'random').mockReturnValue(luck);
    const { renewedAfter } = connection();

    jest.advanceTimersByTime(minutes(240));

    expect(renewedAfter).toHaveLength(1);
    expect(renewedAfter[0]).toBeCloseTo(age, 1);
  });

  it('spreads a fleet that connected together', () => {
    const fleet = Array.from({ length: 400 }, () => connection());

    jest.advanceTimersByTime(minutes(120));

    const perMinute = new Map<number, number>();
    for (const { renewedAfter } of fleet) {
      const minute = Math.floor(renewedAfter[0]!);
      perMinute.set(minute, (perMinute.get(minute) ?? 0) + 1);
    }
    expect([...perMinute.keys()].sort()).toEqual([110, 111, 112, 113, 114, 115, 116, 117]);
    expect(Math.max(...perMinute.values())).toBeLessThan(100);
  });

  it('waits until the connection is idle for two seconds', () => {
    jest.spyOn(Math, 'random').mockReturnValue(0);
    const { renewal, renewedAfter } = connection();

    jest.advanceTimersByTime(minutes(110) - 1);
    for (let n = 0; n < 20; n++) {
      renewal.touch();
      jest.advanceTimersByTime(seconds(1));
    }

    expect(renewedAfter).toEqual([]);
    jest.advanceTimersByTime(seconds(2));
    expect(renewedAfter).toHaveLength(1);
  });

  it('waits while a packet is incomplete', () => {
    jest.spyOn(Math, 'random').mockReturnValue(0);
    let isWhole = false;
    const { renewedAfter } = connection(() => isWhole);
    jest.advanceTimersByTime(minutes(110) + seconds(30));
    expect(renewedAfter).toEqual([]);

    isWhole = true;

    jest.advanceTimersByTime(seconds(1));
    expect(renewedAfter).toHaveLength(1);
  });

  it('waits at most a minute, and ends a minute before API Gateway does', () => {
    jest.spyOn(Math, 'random').mockReturnValue(0.999_999);
    const { renewedAfter } = connection(() => false);

    jest.advanceTimersByTime(minutes(120));

    expect(renewedAfter).toEqual([expect.closeTo(119, 1)]);
  });

  it('does not happen after the end of the connection', () => {
    const { renewal, renewedAfter } = connection();

    renewal.stop();

    jest.advanceTimersByTime(minutes(240));
    expect(renewedAfter).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
  });
});
