/** Whether a topic matches a filter; wildcards at the front match no topic that begins with `$` [MQTT-4.7.2-1]. */
export function matchesFilter(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && /^[#+]/.test(filter)) return false;
  const filterLevels = filter.split('/');
  const topicLevels = topic.split('/');
  const multi = filterLevels.at(-1) === '#';
  if (multi) filterLevels.pop();
  if (multi ? topicLevels.length < filterLevels.length : topicLevels.length !== filterLevels.length) return false;
  return filterLevels.every((level, index) => level === '+' || level === topicLevels[index]);
}
