import { levels } from './topic';
import { isWildcard } from './topic-filter';

/** A shape with more letters is written with run lengths. */
const maxPlainLetters = 64;

/**
 * Returns the shape of a filter: one letter per level, `L` for a literal level, `+` or `#` for a wildcard. `devices/+/state` has the shape
 * `L+L`, `a/#` has `L#`. A topic matches at most one filter of a shape, so that a publish costs one lookup per shape, regardless of the
 * number of subscriptions. Shapes of more than 64 levels are written with run lengths: `L70+` is 70 literal levels and a wildcard.
 */
export function shapeOf(filter: string): string {
  const letters = levels(filter)
    .map((level) => (isWildcard(level) ? level : 'L'))
    .join('');
  return canonicalShape(letters);
}

/** Converts a shape to the form that `shapeOf` returns. Earlier releases stored all shapes with one letter per level. */
export function canonicalShape(shape: string): string {
  const letters = lettersOf(shape);
  if (letters.length <= maxPlainLetters) return letters;
  return letters.replace(/(.)\1*/g, (run, letter: string) => (run.length > 1 ? `${letter}${run.length}` : letter));
}

/** Expands the run lengths of a shape to one letter per level. */
export function lettersOf(shape: string): string {
  return shape.replace(/(\D)(\d+)/g, (_, letter: string, count: string) => letter.repeat(Number(count)));
}

/** Characters of a shape that count as one place in the list of shapes. */
const charactersPerPlace = 12;

/**
 * Returns the number of places that a shape takes in the list of shapes. Every publish reads the list; a limit of places limits its bytes.
 * 256 places are 10 KB, the half that one account may use is 5 KB.
 */
export function placesOf(shape: string): number {
  return Math.ceil(shape.length / charactersPerPlace);
}

/** Returns the only filter of `shape` that matches a topic with these levels; undefined if no filter of this shape matches it. */
export function filterOfShape(shape: string, topicLevels: readonly string[]): string | undefined {
  const letters = lettersOf(shape);
  const openEnded = letters.endsWith('#');
  const fixed = openEnded ? letters.length - 1 : letters.length;
  // `#` matches any number of levels, including none.
  if (openEnded ? topicLevels.length < fixed : topicLevels.length !== fixed) return undefined;
  if (letters[0] !== 'L' && topicLevels[0]?.startsWith('$')) return undefined; // [v3 MQTT-4.7.2-1]

  const filter = topicLevels.slice(0, fixed).map((level, index) => (letters[index] === '+' ? '+' : level));
  if (openEnded) filter.push('#');
  return filter.join('/');
}

/** Returns every filter of the given shapes that matches `topic`, without duplicates. */
export function candidateFilters(shapes: Iterable<string>, topic: string): string[] {
  const topicLevels = levels(topic);
  const found = new Set<string>();
  for (const shape of shapes) {
    const filter = filterOfShape(shape, topicLevels);
    if (filter !== undefined) found.add(filter);
  }
  return [...found];
}
