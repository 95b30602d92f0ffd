import { levels } from './topic';
import { isWildcard } from './topic-filter';

/**
 * Which levels of a filter are wildcards and how it ends: `devices/+/state` is `L+L`, `a/#` is `L#`. A topic matches at most one
 * filter of a shape, so a publish costs one lookup per shape however many subscriptions there are.
 */
export function shapeOf(filter: string): string {
  return levels(filter)
    .map((level) => (isWildcard(level) ? level : 'L'))
    .join('');
}

/** Levels of a shape for each place that it takes in the list of shapes. */
const levelsPerPlace = 64;

/** Places that a shape takes in the list of shapes. A long one takes several, so the number of places bounds the size of the list. */
export function placesOf(shape: string): number {
  return Math.ceil(shape.length / levelsPerPlace);
}

/** The one filter of `shape` that matches the topic with these levels, or undefined when none can. */
export function candidate(shape: string, topicLevels: readonly string[]): string | undefined {
  const openEnded = shape.endsWith('#');
  const fixed = openEnded ? shape.length - 1 : shape.length;
  // `#` stands for any number of levels, none included.
  if (openEnded ? topicLevels.length < fixed : topicLevels.length !== fixed) return undefined;
  if (shape[0] !== 'L' && topicLevels[0]?.startsWith('$')) return undefined; // [v3 MQTT-4.7.2-1]

  const filter = topicLevels.slice(0, fixed).map((level, index) => (shape[index] === '+' ? '+' : level));
  if (openEnded) filter.push('#');
  return filter.join('/');
}

/** Every filter of the given shapes that matches `topic`. */
export function candidates(shapes: Iterable<string>, topic: string): string[] {
  const topicLevels = levels(topic);
  const found: string[] = [];
  for (const shape of shapes) {
    const filter = candidate(shape, topicLevels);
    if (filter !== undefined) found.push(filter);
  }
  return found;
}
