import { levels } from '../protocol/topic';
import { expandMultiLevel, isWildcard } from '../protocol/topic-filter';

/** Checks whether any topic matches both filters. */
export function overlaps(one: string, other: string): boolean {
  const left = levels(expandMultiLevel(one));
  const right = levels(expandMultiLevel(other));
  if (excludesDollarTopics(left, other) || excludesDollarTopics(right, one)) return false;
  for (let index = 0; ; index++) {
    const a = left[index];
    const b = right[index];
    if (a === '#' || b === '#') return true; // `#` matches all remaining levels of the other, or none: `a/#` matches `a`
    if (a === undefined || b === undefined) return a === b;
    if (a !== '+' && b !== '+' && a !== b) return false;
  }
}

/** A leading wildcard matches no topic with a leading `$` [MQTT-4.7.2-1]. */
function excludesDollarTopics([first = '']: readonly string[], other: string): boolean {
  return isWildcard(first) && other.startsWith('$');
}
