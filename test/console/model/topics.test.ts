import { describe, expect, it } from '@jest/globals';
import { checkFilter, checkTopic, plainFilter } from '../../../console/model/topics';
import { naming } from '../../cli/naming';

describe('a topic name', () => {
  it.each(['a', '/', '$SYS/x', 'ä/ b'])('may be %j', (topic) => {
    expect(() => checkTopic(topic)).not.toThrow();
  });

  it.each([
    ['', 'topic empty'],
    ['a/+', 'topic "a/+" + wildcards'],
    ['a\uffff', 'topic U+FFFF'],
    ['#', 'topic "#" # wildcards'],
  ])('may not be %j', (topic, message) => {
    expect(() => checkTopic(topic)).toThrow(naming(message));
  });
});

describe('a topic filter', () => {
  it.each(['#', '+', 'a/+/b/#', '/', '$share/g/#', '$share/g/a'])('may be %j', (filter) => {
    expect(() => checkFilter(filter)).not.toThrow();
  });

  it.each([
    ['', 'filter "" empty'],
    ['a/\u0001', 'filter U+0001'],
    ['$share/g/', 'filter "$share/g/" empty'],
    ['a/b+', 'filter "a/b+" b+ wildcard'],
    ['#/a', 'filter "#/a" # last'],
  ])('may not be %j', (filter, message) => {
    expect(() => checkFilter(filter)).toThrow(naming(message));
  });

  it('matches the same topics without its share name', () => {
    expect(plainFilter('$share/g/a/#')).toBe('a/#');
    expect(plainFilter('$SYS/#')).toBe('$SYS/#');
  });
});
