import { describe, expect, it } from '@jest/globals';
import { nearestName } from '../../cli/nearest-name';
import { parseOptions } from '../../cli/parse-options';
import { naming } from './naming';

describe('the nearest name', () => {
  const names = ['topic', 'timeout', 'retain', 'qos'];

  it.each([
    ['topci', 'topic'],
    ['topics', 'topic'],
    ['retian', 'retain'],
    ['tmeout', 'timeout'],
    ['qso', 'qos'],
  ])('to %s is %s', (word, name) => {
    expect(nearestName(word, names)).toBe(name);
  });

  it.each(['nonsense', 'x', 'repeat-delay', ''])('to %j is none', (word) => {
    expect(nearestName(word, names)).toBeUndefined();
  });

  it('is named for an unknown flag', () => {
    const flags = { retain: { type: 'boolean' }, topic: { type: 'string' } } as const;

    expect(() => parseOptions(['--retian'], flags)).toThrow(naming("'--retian' --retain?"));
    expect(() => parseOptions(['--topci=a'], flags)).toThrow(naming("'--topci' --topic?"));
    expect(() => parseOptions(['--nonsense'], flags)).toThrow(/^unknown option '--nonsense'$/);
  });
});
