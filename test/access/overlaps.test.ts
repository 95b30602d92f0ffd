import { describe, expect, test } from '@jest/globals';
import { overlaps } from '../../lambdas/access/overlaps';
import { covers, matches } from '../../lambdas/protocol/topic-filter';
import { contains, everyFilter, everyTopic, intersects, patternOf, topicsOf } from './every-topic';

describe('overlaps', () => {
  test.each([
    ['a/+', '+/b', true], // a/b
    ['a/#', 'a', true],
    ['a/#', '+', true],
    ['a/+/c', 'a/b/#', true],
    ['#', 'a', true],
    ['+', '/', false],
    ['+', '/#', false], // only the empty topic, which does not exist
    ['/+', '+/', true], // /
    ['a', 'a/+', false],
    ['a/b', 'a/c', false],
    ['a/+/c', 'a/b/d', false],
    ['a//b', 'a/+/b', true],
    ['A', 'a', false],
  ])('%s and %s: %s', (one, other, expected) => {
    expect(overlaps(one, other)).toBe(expected);
    expect(overlaps(other, one)).toBe(expected);
  });

  test.each([
    ['#', '$SYS/#', false],
    ['+/a', '$SYS/+', false],
    ['$SYS/+', '$SYS/a', true],
    ['a/#', 'a/$SYS', true], // only the first level counts
  ])('with a leading $, %s and %s: %s', (one, other, expected) => {
    expect(overlaps(one, other)).toBe(expected);
    expect(overlaps(other, one)).toBe(expected);
  });
});

describe('for all filters of a small alphabet', () => {
  const filters = everyFilter.map((filter) => ({ filter, topics: topicsOf(patternOf(filter)) }));

  test('a filter matches the topics of its pattern', () => {
    const wrong = everyFilter.flatMap((filter) => {
      const pattern = patternOf(filter);
      return everyTopic
        .filter((topic) => matches(filter, topic) !== pattern.test(topic))
        .map((topic) => [filter, topic]);
    });

    expect(wrong).toEqual([]);
  });

  test('covers: every topic that matches one filter matches the other', () => {
    expect(disagreements(covers, contains)).toEqual([]);
  });

  test('overlaps: some topic matches both filters', () => {
    expect(disagreements(overlaps, intersects)).toEqual([]);
  });

  function disagreements(said: (one: string, other: string) => boolean, proved: typeof contains): string[] {
    return filters.flatMap((one) =>
      filters
        .filter((other) => said(one.filter, other.filter) !== proved(one.topics, other.topics))
        .map((other) => `${one.filter} and ${other.filter}`),
    );
  }
});
