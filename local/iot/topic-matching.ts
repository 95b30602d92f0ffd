/**
 * Matches like AWS IoT Core: `a/#` does not match `a`, and a leading wildcard does not match a topic with a leading
 * `$`.
 */
export function matchesInIot(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && /^[+#]/.test(filter)) return false;
  const wanted = filter.split('/');
  const given = topic.split('/');
  if (wanted.at(-1) === '#') {
    wanted.pop();
    return given.length > wanted.length && wanted.every((level, index) => level === '+' || level === given[index]);
  }
  return wanted.length === given.length && wanted.every((level, index) => level === '+' || level === given[index]);
}
