const maxEdits = 2;

/** Returns the name that is most similar to a mistyped word, or `undefined` if none is within two edits. */
export function nearestName(word: string, names: readonly string[]): string | undefined {
  const [best] = names
    .map((name) => ({ name, edits: editDistance(word, name) }))
    .sort((one, other) => one.edits - other.edits);
  return best && best.edits <= Math.min(maxEdits, word.length / 2) ? best.name : undefined;
}

/** Computes the optimal string alignment distance: Levenshtein's, with a swap of two adjacent letters as one edit. */
function editDistance(one: string, other: string): number {
  const rows = Array.from({ length: one.length + 1 }, (_, index) => [index]);
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
