/** More typing mistakes than this make another word. */
const mostMistakes = 2;

/** The name that was probably meant, if any is close enough to be. */
export function nearest(word: string, names: readonly string[]): string | undefined {
  const [best] = names
    .map((name) => ({ name, mistakes: mistakesBetween(word, name) }))
    .sort((one, other) => one.mistakes - other.mistakes);
  return best && best.mistakes <= Math.min(mostMistakes, word.length / 2) ? best.name : undefined;
}

/** Levenshtein's distance, where two letters in the wrong order are one mistake. */
function mistakesBetween(one: string, other: string): number {
  const rows = Array.from({ length: one.length + 1 }, (_, at) => [at]);
  for (let column = 0; column <= other.length; column++) rows[0]![column] = column;
  for (let i = 1; i <= one.length; i++) {
    for (let j = 1; j <= other.length; j++) {
      const differs = one[i - 1] === other[j - 1] ? 0 : 1;
      const isSwap = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      const swapped = isSwap ? rows[i - 2]![j - 2]! + 1 : Number.POSITIVE_INFINITY;
      rows[i]![j] = Math.min(rows[i - 1]![j]! + 1, rows[i]![j - 1]! + 1, rows[i - 1]![j - 1]! + differs, swapped);
    }
  }
  return rows[one.length]![other.length]!;
}
