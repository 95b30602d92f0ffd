import { describe, expect, test } from '@jest/globals';
import { countWildcards, covers, isTopicFilter, matches } from '../../lambdas/protocol/topic-filter';
import { clause } from '../support/clause';

describe('isTopicFilter', () => {
  clause(['MQTT-4.7.1-1', 'v3 MQTT-4.7.1-2'], '# stands alone in the last level', () => {
    expect(isTopicFilter('#')).toBe(true);
    expect(isTopicFilter('sport/tennis/#')).toBe(true);
    expect(isTopicFilter('sport/tennis#')).toBe(false);
    expect(isTopicFilter('sport/tennis/#/ranking')).toBe(false);
    expect(isTopicFilter('#/')).toBe(false);
    expect(isTopicFilter('##')).toBe(false);
  });

  clause(['MQTT-4.7.1-2', 'v3 MQTT-4.7.1-3'], '+ stands alone in any level', () => {
    expect(isTopicFilter('+')).toBe(true);
    expect(isTopicFilter('+/tennis/#')).toBe(true);
    expect(isTopicFilter('sport/+/player1')).toBe(true);
    expect(isTopicFilter('/+')).toBe(true);
    expect(isTopicFilter('sport+')).toBe(false);
    expect(isTopicFilter('+a/b')).toBe(false);
    expect(isTopicFilter('++')).toBe(false);
    expect(isTopicFilter('a/+#')).toBe(false);
  });

  clause(['MQTT-4.7.3-1', 'v3 MQTT-4.7.3-1'], 'a filter has at least one character', () => {
    expect(isTopicFilter('')).toBe(false);
    expect(isTopicFilter('/')).toBe(true);
  });

  clause(['MQTT-4.7.3-2', 'v3 MQTT-4.7.3-2'], 'a filter has no U+0000', () => {
    expect(isTopicFilter('a/\0')).toBe(false);
  });

  clause(['MQTT-4.7.3-3', 'v3 MQTT-4.7.3-3'], 'a filter has at most 65,535 bytes', () => {
    expect(isTopicFilter('a'.repeat(65_535))).toBe(true);
    expect(isTopicFilter('a'.repeat(65_536))).toBe(false);
  });

  test('has any number of levels', () => {
    expect(isTopicFilter('+/'.repeat(32_767))).toBe(true);
  });
});

describe('matches', () => {
  // The examples of section 4.7, and further cases.
  const same: [filter: string, topic: string][] = [
    ['a/b', 'a/b'],
    ['sport/tennis/player1/#', 'sport/tennis/player1'],
    ['sport/tennis/player1/#', 'sport/tennis/player1/ranking'],
    ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon'],
    ['sport/#', 'sport'],
    ['sport/#', 'sport/'],
    ['#', 'a'],
    ['#', '/'],
    ['#', 'a/b/c'],
    ['sport/tennis/+', 'sport/tennis/player1'],
    ['sport/+', 'sport/'],
    ['+/+', '/finance'],
    ['/+', '/finance'],
    ['+/#', 'a'],
    ['+/+/#', 'a/b'],
    ['a//b', 'a//b'],
    ['a/+/b', 'a//b'],
    ['$SYS/#', '$SYS'],
    ['$SYS/#', '$SYS/broker/uptime'],
    ['$SYS/monitor/+', '$SYS/monitor/Clients'],
    ['a/+', 'a/$SYS'],
    ['__proto__/+', '__proto__/a'],
  ];
  for (const [filter, topic] of same) {
    test(`${filter} matches ${topic}`, () => {
      expect(matches(filter, topic)).toBe(true);
    });
  }

  const different: [filter: string, topic: string][] = [
    ['a/b', 'a/b/c'],
    ['a/b/c', 'a/b'],
    ['a', 'a/'],
    ['a', '/a'],
    ['a/b', 'a//b'],
    ['sport/tennis/+', 'sport/tennis/player1/ranking'],
    ['sport/+', 'sport'],
    ['+', '/finance'],
    ['+', 'a/b'],
    ['a/b/#', 'a'],
    ['a/#', 'ab'],
    ['a/+/c', 'a/b/d'],
  ];
  for (const [filter, topic] of different) {
    test(`${filter} does not match ${topic}`, () => {
      expect(matches(filter, topic)).toBe(false);
    });
  }

  clause(['MQTT-4.7.2-1', 'v3 MQTT-4.7.2-1'], 'a leading wildcard never matches a topic with a leading $', () => {
    expect(matches('#', '$SYS/broker')).toBe(false);
    expect(matches('+/broker', '$SYS/broker')).toBe(false);
    expect(matches('+/#', '$SYS/broker')).toBe(false);
    expect(matches('+', '$SYS')).toBe(false);
  });

  clause(['MQTT-4.7.3-4', 'v3 MQTT-4.7.3-4'], 'nothing is normalized: case, accents and spaces count', () => {
    expect(matches('ACCOUNTS', 'Accounts')).toBe(false);
    expect(matches('\u00e9', 'e\u0301')).toBe(false);
    expect(matches('a b', 'a  b')).toBe(false);
    expect(matches('\ufeffa', 'a')).toBe(false);
  });
});

describe('countWildcards', () => {
  test('counts both kinds', () => {
    expect(countWildcards('+/a/+/#')).toBe(3);
  });

  test('finds none in a literal filter', () => {
    expect(countWildcards('a/b')).toBe(0);
  });
});

describe('covers', () => {
  test.each([
    ['#', 'a/b', true],
    ['a/#', 'a', true],
    ['a/#', 'a/+/c', true],
    ['a/+', 'a/b', true],
    ['a/+', 'a/+', true],
    ['a/+', 'a/#', false],
    ['a/+', 'a', false],
    ['a', 'a/b', false],
    ['a/b', 'a/+', false],
    ['+/#', '#', true],
    ['#', '+/#', true],
    ['/+/#', '/#', true],
    ['a/+/#', 'a/#', false],
    ['+', '#', false],
    ['#', '$SYS/a', false],
    ['$SYS/#', '$SYS/a', true],
  ])('%s over %s is %s', (outer, inner, expected) => {
    expect(covers(outer, inner)).toBe(expected);
  });
});
