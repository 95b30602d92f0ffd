import { hasTopicLength, levels } from './topic';

/** True if `filter` is a valid topic filter: a wildcard occupies an entire level, and `#` is the last level. */
export function isTopicFilter(filter: string): boolean {
  if (!hasTopicLength(filter) || filter.includes('\0')) return false; // [v3 MQTT-4.7.3-1] [v3 MQTT-4.7.3-2]
  const parts = levels(filter);
  return parts.every((level, index) => {
    if (level === '#') return index === parts.length - 1; // [v3 MQTT-4.7.1-2]
    return level === '+' || !/[+#]/.test(level); // [v3 MQTT-4.7.1-3]
  });
}

/** True if `topic` matches `filter`. */
export function matches(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && startsWithWildcard(filter)) return false; // [v3 MQTT-4.7.2-1]
  const wanted = levels(filter);
  const given = levels(topic);
  for (const [index, level] of wanted.entries()) {
    if (level === '#') return true; // includes the parent level: `a/#` matches `a`
    if (index >= given.length) return false;
    if (level !== '+' && level !== given[index]) return false; // case-sensitive [v3 MQTT-4.7.3-4]
  }
  return wanted.length === given.length;
}

/** True if every topic that matches `inner` also matches `outer`. */
export function covers(outer: string, inner: string): boolean {
  if (startsWithWildcard(outer) && inner.startsWith('$')) return false; // [v3 MQTT-4.7.2-1]
  const wide = levels(outer);
  const narrow = levels(expandMultiLevel(inner));
  for (const [index, level] of wide.entries()) {
    if (level === '#') return true;
    const other = narrow[index];
    if (other === undefined || other === '#') return false;
    if (level !== '+' && level !== other) return false;
  }
  return wide.length === narrow.length;
}

/** Expands `#` and `/#` to `+/#` and `/+/#`. They match the same topics, because a topic is never empty. */
export function expandMultiLevel(filter: string): string {
  return filter === '#' ? '+/#' : filter === '/#' ? '/+/#' : filter;
}

/** Counts the wildcard levels of a filter. */
export function countWildcards(filter: string): number {
  return levels(filter).filter(isWildcard).length;
}

export function isWildcard(level: string): boolean {
  return level === '+' || level === '#';
}

/** True if `filter` is that of a shared subscription, MQTT 5.0 section 4.8.2. */
export function isShared(filter: string): boolean {
  return filter.startsWith('$share/');
}

function startsWithWildcard(filter: string): boolean {
  return filter.startsWith('+') || filter.startsWith('#');
}
