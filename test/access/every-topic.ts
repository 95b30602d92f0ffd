/*
 * Topics and filters of a small world, and what belongs to what, said in another way than in the broker: by regular expressions
 * and by going through all topics.
 */

/** `fresh` occurs in no filter: what is true of it is true of any other word. */
const words = ['a', 'b', '', '$SYS', '$x', 'fresh'];

export const filterWords = ['a', 'b', '', '$SYS', '$x', '+'];

/** One level deeper than any filter: what is true there is true further down. */
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

/** A leading wildcard means no topic with a leading `$`, except for rules that deny with a variable of which nothing is known. */
export function patternOf(filter: string, alsoDollar = false): RegExp {
  const levels = filter.replaceAll('$', '\\$').replaceAll('+', '[^/]*');
  const body = levels === '#' ? '.*' : levels.replace(/\/#$/, '(/.*)?');
  return new RegExp(`^${/^[+#]/.test(filter) && !alsoDollar ? '(?!\\$)' : ''}${body}$`);
}

/** One bit for each topic. */
export function topicsOf(pattern: RegExp): Uint32Array {
  const bits = new Uint32Array(Math.ceil(everyTopic.length / 32));
  for (const [index, topic] of everyTopic.entries()) if (pattern.test(topic)) bits[index >> 5]! |= 1 << (index & 31);
  return bits;
}

/** Every topic of `inner` is one of `outer`. */
export function contains(outer: Uint32Array, inner: Uint32Array): boolean {
  return inner.every((word, index) => (word & ~outer[index]!) === 0);
}

export function intersects(one: Uint32Array, other: Uint32Array): boolean {
  return one.some((word, index) => (word & other[index]!) !== 0);
}
