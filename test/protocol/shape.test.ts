import { describe, expect, test } from '@jest/globals';
import { candidateFilters, canonicalShape, filterOfShape, lettersOf, shapeOf } from '../../lambdas/protocol/shape';
import { isTopicFilter, matches } from '../../lambdas/protocol/topic-filter';
import { clause } from '../support/clause';
import { Random } from '../support/random';

describe('shapeOf', () => {
  test('has one letter per level', () => {
    expect(shapeOf('devices/+/state')).toBe('L+L');
    expect(shapeOf('a/#')).toBe('L#');
    expect(shapeOf('#')).toBe('#');
    expect(shapeOf('+')).toBe('+');
    expect(shapeOf('a')).toBe('L');
  });

  test('counts empty levels as literal', () => {
    expect(shapeOf('/+/')).toBe('L+L');
  });

  test('treats levels named like object properties as literals', () => {
    expect(shapeOf('__proto__/constructor/+')).toBe('LL+');
  });
});

describe('a shape of more than 64 levels', () => {
  test('is written with run lengths', () => {
    expect(shapeOf(Array(64).fill('a').join('/'))).toBe('L'.repeat(64));
    expect(shapeOf(Array(65).fill('a').join('/'))).toBe('L65');
    expect(shapeOf(`+/${'a/'.repeat(70)}+/b/#`)).toBe('+L70+L#');
  });

  test('is equal to the form of earlier releases', () => {
    const letters = `L+${'L'.repeat(100)}#`;

    expect(canonicalShape(letters)).toBe('L+L100#');
    expect(lettersOf('L+L100#')).toBe(letters);
    expect(canonicalShape('L+L100#')).toBe('L+L100#');
    expect(canonicalShape('L+L')).toBe('L+L');
  });

  test('has its filter once, even if the shape is listed twice', () => {
    const topic = Array.from({ length: 70 }, (_, index) => `${index}`).join('/');
    const filter = topic.replace('/5/', '/+/');

    expect(candidateFilters([shapeOf(filter), lettersOf(shapeOf(filter))], topic)).toEqual([filter]);
    expect(candidateFilters([shapeOf(filter)], topic.slice(2))).toEqual([]);
  });
});

describe('filterOfShape', () => {
  test('puts the wildcards of the shape into the topic', () => {
    expect(filterOfShape('L+L', ['devices', 'lamp', 'state'])).toBe('devices/+/state');
  });

  test('matches # with the remaining levels', () => {
    expect(filterOfShape('L#', ['a', 'b', 'c'])).toBe('a/#');
  });

  test('matches # with no level', () => {
    expect(filterOfShape('L#', ['a'])).toBe('a/#');
  });

  test('is undefined for a topic that is too short', () => {
    expect(filterOfShape('LL', ['a'])).toBeUndefined();
    expect(filterOfShape('LL#', ['a'])).toBeUndefined();
  });

  test('is undefined for a topic that is too long', () => {
    expect(filterOfShape('L', ['a', 'b'])).toBeUndefined();
  });

  clause('v3 MQTT-4.7.2-1', 'a shape with a leading wildcard cannot match a topic with a leading $', () => {
    expect(filterOfShape('#', ['$SYS', 'a'])).toBeUndefined();
    expect(filterOfShape('+L', ['$SYS', 'a'])).toBeUndefined();
    expect(filterOfShape('L+', ['$SYS', 'a'])).toBe('$SYS/+');
  });
});

describe('candidateFilters', () => {
  test('omits shapes that cannot match', () => {
    expect(candidateFilters(['L+L', 'L#', 'LL', '#'], 'a/b')).toEqual(['a/#', 'a/b', '#']);
  });

  test('include a filter if and only if it matches', () => {
    const random = new Random(7);
    const agreements = { matching: 0, different: 0 };

    for (let run = 0; run < 20_000; run++) {
      const filter = randomFilter(random);
      const topic = randomTopic(random);
      const found = candidateFilters([shapeOf(filter)], topic).includes(filter);
      if (found !== matches(filter, topic)) throw new Error(`${filter} and ${topic}: ${found}`);
      agreements[found ? 'matching' : 'different']++;
    }

    expect(agreements.matching).toBeGreaterThan(1000);
    expect(agreements.different).toBeGreaterThan(1000);
  });

  test('include only filters that match', () => {
    const random = new Random(8);

    for (let run = 0; run < 20_000; run++) {
      const topic = randomTopic(random);
      for (const filter of candidateFilters([shapeOf(randomFilter(random))], topic)) {
        if (!isTopicFilter(filter) || !matches(filter, topic)) throw new Error(`${filter} and ${topic}`);
      }
    }
  });
});

function randomTopic(random: Random): string {
  const length = 1 + random.below(4);
  return Array.from({ length }, () => random.pick(['a', 'b', '', '$SYS', '__proto__'])).join('/') || '/';
}

function randomFilter(random: Random): string {
  const length = 1 + random.below(4);
  const parts = Array.from({ length }, () => random.pick(['a', 'b', '', '$SYS', '__proto__', '+', '+', '+']));
  if (random.below(3) === 0) parts[length - 1] = '#';
  return parts.join('/') || '/';
}
