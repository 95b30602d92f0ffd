/*
 * All topics and filters of a small alphabet, and an independent implementation of matching: regular expressions, applied to all
 * topics.
 */

/** `fresh` occurs in no filter, so it represents all other words. */
const words = ['a', 'b', '', '$SYS', '$x', 'fresh'];

export const filterWords = ['a', 'b', '', '$SYS', '$x', '+'];

/** One level deeper than any filter, so it represents all deeper topics. */
export const everyTopic = sequences(words, 4).filter((topic) => topic !== '');

export const everyFilter = [
  '#',
  ...sequences(filterWords, 3),
  ...sequences(filterWords, 2).map((parent) => `${parent}/#`),
].filter((filter) => filter !== '');

function sequences(from: readonly string[], depth: number): string[] {
  if (depth === 1) return [...from];
  const shorter = sequences(from, depth - 1);
  const longest = shorter.filter((text) => text.split('/').length === depth - 1);
  return [...shorter, ...longest.flatMap((text) => from.map((word) => `${text}/${word}`))];
}

/** A leading wildcard matches no topic with a leading `$`, except in rules that deny with a variable without value. */
export function patternOf(filter: string, alsoDollar = false): RegExp {
  const levels = filter.replaceAll('$', '\\$').replaceAll('+', '[^/]*');
  const body = levels === '#' ? '.*' : levels.replace(/\/#$/, '(/.*)?');
  return new RegExp(`^${/^[+#]/.test(filter) && !alsoDollar ? '(?!\\$)' : ''}${body}$`);
}

/** A set of topics with one bit for each topic. */
export function topicsOf(pattern: RegExp): Uint32Array {
  const bits = new Uint32Array(Math.ceil(everyTopic.length / 32));
  for (const [index, topic] of everyTopic.entries()) if (pattern.test(topic)) bits[index >> 5]! |= 1 << (index & 31);
  return bits;
}

/** Checks whether `outer` contains every topic of `inner`. */
export function contains(outer: Uint32Array, inner: Uint32Array): boolean {
  return inner.every((word, index) => (word & ~outer[index]!) === 0);
}

export function intersects(one: Uint32Array, other: Uint32Array): boolean {
  return one.some((word, index) => (word & other[index]!) !== 0);
}
