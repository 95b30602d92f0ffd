import { describe, expect, it } from '@jest/globals';
import {
  beginningOf,
  keyOf,
  literalKeyBytes,
  maxPartitionKeyBytes,
  maxSortKeyBytes,
} from '../../lambdas/storage/shortened-keys';
import { Random } from '../support/random';
import { longest } from './support/messages';

const characters = ['a', 'é', '日', '😀', '\uFFFD', '/'];

/** Returns a string of at least so many bytes, with characters of every length. */
function textOf(random: Random, bytes: number): string {
  let text = '';
  while (Buffer.byteLength(text) < bytes) text += random.pick(characters);
  return text;
}

describe('keys', () => {
  it.each([maxPartitionKeyBytes, maxSortKeyBytes])('are the text itself up to %i bytes', (maximum) => {
    const fits = 'é'.repeat(maximum / 2);

    expect(keyOf(fits, maximum)).toBe(fits);
    expect(keyOf(fits.slice(1), maximum, '##')).toBe(`##${fits.slice(1)}`);
    expect(keyOf(`${fits}x`, maximum)).not.toBe(`${fits}x`);
  });

  it('of any text are as short as they must be, and text of their own', () => {
    const random = new Random(2);
    for (let bytes = maxSortKeyBytes - 40; bytes < maxSortKeyBytes + 40; bytes++) {
      for (const prefix of ['', 'sub#']) {
        const key = keyOf(textOf(random, bytes), maxSortKeyBytes, prefix);
        expect(Buffer.byteLength(key)).toBeLessThanOrEqual(maxSortKeyBytes);
        expect(Buffer.from(key).toString()).toBe(key); // no half characters
      }
    }
  });

  it('of long texts differ wherever the texts differ', () => {
    const texts = [longest('a', 'b'), longest('a', 'c'), longest('b', 'b'), 'x'.repeat(1025), 'x'.repeat(1026)];

    expect(new Set(texts.map((text) => keyOf(text, maxSortKeyBytes))).size).toBe(texts.length);
  });

  it('that are shortened equal no whole one, for they hold a character that no text has', () => {
    const shortened = keyOf(longest('a', 'b'), maxSortKeyBytes);

    expect(shortened).toContain('\0');
    expect(keyOf(shortened.replace('\0', ''), maxSortKeyBytes)).not.toBe(shortened);
    expect(keyOf(shortened.replace('\0', '/'), maxSortKeyBytes)).not.toBe(shortened);
  });

  it('of every longer text begin with the beginning of the shorter one', () => {
    const random = new Random(3);
    const room = literalKeyBytes(maxSortKeyBytes);
    for (let round = 0; round < 300; round++) {
      const shorter = textOf(random, room - 10 + random.below(20));
      const longer = shorter + textOf(random, random.below(200));
      expect(keyOf(longer, maxSortKeyBytes).startsWith(beginningOf(shorter, room))).toBe(true);
    }
  });
});
