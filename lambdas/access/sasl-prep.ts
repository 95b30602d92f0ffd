/** RFC 3454 table C.1.2: mapped to a space. */
const otherSpaces = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/g;

/** RFC 3454 table B.1: mapped to nothing. */
const invisible = /[\u00ad\u1806\u200c\u2060\ufeff]|\u034f|\u200d|\p{Variation_Selector}/gu;

/**
 * RFC 3454 tables C.2.1 to C.9: controls, private use, noncharacters, surrogates, direction marks, tags. Characters that are mapped
 * before, such as all spaces, are left out.
 */
const prohibited =
  /[\p{Cc}\p{Co}\p{Cs}\p{Noncharacter_Code_Point}\u06dd\u070f\u180e\u200e\u200f\u2028-\u202e\u2061-\u2063\u206a-\u206f\u2ff0-\u2ffb\ufff9-\ufffd\u{1d173}-\u{1d17a}\u{e0001}\u{e0020}-\u{e007f}]/u;

/**
 * Prepares a user name or password for comparison by SASLprep (RFC 4013); undefined if it contains a prohibited character or becomes
 * empty. Unlike the RFC it uses the current version of Unicode instead of 3.2, so it accepts characters that were assigned later, and
 * it accepts bidirectional text that RFC 3454 section 6 refuses. It refuses nothing that a strict client sends.
 */
export function saslPrep(text: string): string | undefined {
  const prepared = text.replace(otherSpaces, ' ').replace(invisible, '').normalize('NFKC');
  return prepared === '' || prohibited.test(prepared) ? undefined : prepared;
}
