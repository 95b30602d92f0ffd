import { levels } from '../protocol/topic';
import { isWildcard } from '../protocol/topic-filter';
import { text } from './attributes';
import type { Item } from './dynamo';
import { beginningOf, keyOf, literalKeyBytes, maxPartitionKeyBytes, maxSortKeyBytes } from './shortened-keys';

/**
 * Prefixes of partition keys. A message is stored in the partition of its first level. The partition of its last level
 * has a pointer to it, so that `+/status` is found by its last level and each match costs little more than one read.
 */
export const byFirst = 'first#';
const byLast = 'last#';

export function messageKey(topic: string): Item {
  return { bucket: text(firstBucket(levels(topic)[0] ?? '')), topic: text(keyOf(topic, maxSortKeyBytes)) };
}

export function pointerKey(topic: string): Item {
  return { bucket: text(lastBucket(levels(topic).at(-1) ?? '')), topic: text(keyOf(topic, maxSortKeyBytes)) };
}

export function firstBucket(level: string): string {
  return keyOf(level, maxPartitionKeyBytes, byFirst);
}

export function lastBucket(level: string): string {
  return keyOf(level, maxPartitionKeyBytes, byLast);
}

/** Returns the levels of a filter before its first wildcard. */
export function literalBeginning(parts: readonly string[]): string[] {
  const end = parts.findIndex(isWildcard);
  return end < 0 ? [...parts] : parts.slice(0, end);
}

/** Returns the common prefix of the sort keys of all topics below these levels. */
export function prefixOf(literal: readonly string[]): string {
  return literal.length === 0 ? '' : beginningOf(`${literal.join('/')}/`, literalKeyBytes(maxSortKeyBytes));
}
