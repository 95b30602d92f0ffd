/**
 * Matches a message of one line that contains these words in this order: flags, limits, values. So a test proves what a
 * message names, and not how its sentence is worded.
 */
export function naming(words: string): RegExp {
  const escaped = words.split(' ').map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^.*${escaped.join('.*')}.*$`);
}
