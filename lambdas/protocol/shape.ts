import { levels } from './topic';
import { isWildcard } from './topic-filter';

/** Letters of a shape up to which it is written as it is; a longer one is written in runs. */
const maxPlainLetters = 64;

/**
 * Which levels of a filter are wildcards and how it ends: `devices/+/state` is `L+L`, `a/#` is `L#`. A topic matches at most one
 * filter of a shape, so a publish costs one lookup per shape however many subscriptions there are. Of more than 64 levels it is
 * written in runs: `L70+` for 70 levels and a wildcard.
 */
export function shapeOf(filter: string): string {
  const letters = levels(filter)
    .map((level) => (isWildcard(level) ? level : 'L'))
    .join('');
  return canonicalShape(letters);
}

/** The same shape as `shapeOf` writes it; earlier releases wrote every one with a letter for each level. */
export function canonicalShape(shape: string): string {
  const letters = lettersOf(shape);
  if (letters.length <= maxPlainLetters) return letters;
  return letters.replace(/(.)\1*/g, (run, letter: string) => (run.length > 1 ? `${letter}${run.length}` : letter));
}

/** A letter for each level: `L` or a wildcard. */
export function lettersOf(shape: string): string {
  return shape.replace(/(\D)(\d+)/g, (_, letter: string, count: string) => letter.repeat(Number(count)));
}

/** Characters of a shape for each place that it takes in the list of shapes. */
const charactersPerPlace = 12;

/**
 * Places that a shape takes in the list of shapes: so the number of places bounds the bytes of the list, which every publish reads.
 * 256 places are 10 KB, the half of one account 5 KB.
 */
export function placesOf(shape: string): number {
  return Math.ceil(shape.length / charactersPerPlace);
}

/** The one filter of `shape` that matches the topic with these levels, or undefined when none can. */
export function filterOfShape(shape: string, topicLevels: readonly string[]): string | undefined {
  const letters = lettersOf(shape);
  const openEnded = letters.endsWith('#');
  const fixed = openEnded ? letters.length - 1 : letters.length;
  // `#` stands for any number of levels, none included.
  if (openEnded ? topicLevels.length < fixed : topicLevels.length !== fixed) return undefined;
  if (letters[0] !== 'L' && topicLevels[0]?.startsWith('$')) return undefined; // [v3 MQTT-4.7.2-1]

  const filter = topicLevels.slice(0, fixed).map((level, index) => (letters[index] === '+' ? '+' : level));
  if (openEnded) filter.push('#');
  return filter.join('/');
}

/** Every filter of the given shapes that matches `topic`, each once. */
export function candidateFilters(shapes: Iterable<string>, topic: string): string[] {
  const topicLevels = levels(topic);
  const found = new Set<string>();
  for (const shape of shapes) {
    const filter = filterOfShape(shape, topicLevels);
    if (filter !== undefined) found.add(filter);
  }
  return [...found];
}
