import { describe, expect, it } from '@jest/globals';
import { checkFilter, checkTopic, plainFilter } from '../../../console/model/topics';

describe('a topic to publish to', () => {
  it.each(['a', '/', '$SYS/x', 'ä/ b'])('may be %j', (topic) => {
    expect(() => checkTopic(topic)).not.toThrow();
  });

  it.each([
    ['', 'the topic is empty, but must have a character at least'],
    ['a/+', 'the topic "a/+" has +, but only filters may have wildcards'],
    ['a\uffff', 'the topic has U+FFFF, but must have no control characters and noncharacters'],
    ['#', 'the topic "#" has #, but only filters may have wildcards'],
  ])('may not be %j', (topic, message) => {
    expect(() => checkTopic(topic)).toThrow(message);
  });
});

describe('a filter to subscribe to', () => {
  it.each(['#', '+', 'a/+/b/#', '/', '$share/g/#', '$share/g/a'])('may be %j', (filter) => {
    expect(() => checkFilter(filter)).not.toThrow();
  });

  it.each([
    ['', 'the filter "" is empty, but must have a character at least'],
    ['a/\u0001', 'the filter has U+0001, but must have no control characters and noncharacters'],
    ['$share/g/', 'the filter "$share/g/" is empty, but must have a character at least'],
    ['a/b+', 'the filter "a/b+" has b+ for a level, but a wildcard stands alone'],
    ['#/a', 'the filter "#/a" has # in the middle, but it must be the last level'],
  ])('may not be %j', (filter, message) => {
    expect(() => checkFilter(filter)).toThrow(message);
  });

  it('hears what it would without its share', () => {
    expect(plainFilter('$share/g/a/#')).toBe('a/#');
    expect(plainFilter('$SYS/#')).toBe('$SYS/#');
  });
});
