import { levels } from '../protocol/topic';
import { expandMultiLevel, isWildcard } from '../protocol/topic-filter';

/** Whether some topic belongs to both filters. */
export function overlaps(one: string, other: string): boolean {
  const left = levels(expandMultiLevel(one));
  const right = levels(expandMultiLevel(other));
  if (staysAway(left, other) || staysAway(right, one)) return false;
  for (let index = 0; ; index++) {
    const a = left[index];
    const b = right[index];
    if (a === '#' || b === '#') return true; // whatever is left of the other, nothing included: `a/#` matches `a`
    if (a === undefined || b === undefined) return a === b;
    if (a !== '+' && b !== '+' && a !== b) return false;
  }
}

/** A leading wildcard matches no topic with a leading `$` [MQTT-4.7.2-1]. */
function staysAway([first = '']: readonly string[], other: string): boolean {
  return isWildcard(first) && other.startsWith('$');
}
