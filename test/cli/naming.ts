/**
 * Matches a message of one line that contains these words in this order: flags, limits, values. Tests use it to check the
 * content of a message independently of its wording.
 */
export function naming(words: string): RegExp {
  const escaped = words.split(' ').map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^.*${escaped.join('.*')}.*$`);
}
