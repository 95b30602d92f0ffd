/** Returns a text unchanged, or quoted if it contains characters that a terminal would interpret. */
export function printable(text: string): string {
  return /\p{C}/u.test(text) ? quoted(text) : text;
}

/** Quotes a text and escapes every character that a terminal would interpret. */
export function quoted(text: string): string {
  return JSON.stringify(text).replace(/\p{C}/gu, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}
