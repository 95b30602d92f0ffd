import { describe, expect, it } from '@jest/globals';
import { LruMap } from '../../lambdas/shared/lru-map';

const keys = ['a', 'b', 'c', 'd'];
const keptOf = (map: Pick<LruMap<string, unknown>, 'has'>) => keys.filter((key) => map.has(key));

describe('an LRU map', () => {
  it('keeps as many entries as it may', () => {
    const map = new LruMap<string, number>({ maxSize: 2 });
    for (const [index, key] of keys.entries()) map.set(key, index);
    expect(keptOf(map)).toEqual(['c', 'd']);
    expect(map.size).toBe(2);
    expect(map.get('a')).toBeUndefined();
    expect(map.get('d')).toBe(3);
  });

  it('removes the entry that was read or written longest ago', () => {
    const map = new LruMap<string, number>({ maxSize: 3 });
    for (const key of ['a', 'b', 'c']) map.set(key, 1);
    map.get('a');
    map.set('b', 2);
    map.set('d', 1);
    expect(keptOf(map)).toEqual(['a', 'b', 'd']);
    expect(map.get('b')).toBe(2);
  });

  it('does not count has() as use', () => {
    const map = new LruMap<string, number>({ maxSize: 2 });
    for (const key of ['a', 'b']) map.set(key, 1);
    map.has('a');
    map.set('c', 1);
    expect(keptOf(map)).toEqual(['b', 'c']);
  });

  it('limits the sum of sizes', () => {
    const map = new LruMap<string, string>({ maxSize: 10, sizeOf: (value) => value.length });
    map.set('a', '1234');
    map.set('b', '1234');
    map.set('a', '12345678'); // replaces the four
    expect(keptOf(map)).toEqual(['a']);
    expect(map.size).toBe(8);
    map.set('c', '12');
    expect(keptOf(map)).toEqual(['a', 'c']);
    map.delete('a');
    map.delete('a');
    expect(map.size).toBe(2);
  });

  it('does not keep an entry that is too large', () => {
    const map = new LruMap<string, string>({ maxSize: 3, sizeOf: (value) => value.length });
    map.set('a', '1234');
    expect(map.has('a')).toBe(false);
    expect(map.size).toBe(0);
  });
});
