/** RFC 3454 table C.1.2, which becomes a space. */
const otherSpaces = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/g;

/** RFC 3454 table B.1, which becomes nothing. */
const invisible = /[\u00ad\u1806\u200c\u2060\ufeff]|\u034f|\u200d|\p{Variation_Selector}/gu;

/**
 * RFC 3454 tables C.2.1 to C.9: controls, private use, noncharacters, halves of pairs, marks of direction, tags. What becomes
 * something else before, as all spaces do, is not listed again.
 */
const prohibited =
  /[\p{Cc}\p{Co}\p{Cs}\p{Noncharacter_Code_Point}\u06dd\u070f\u180e\u200e\u200f\u2028-\u202e\u2061-\u2063\u206a-\u206f\u2ff0-\u2ffb\ufff9-\ufffd\u{1d173}-\u{1d17a}\u{e0001}\u{e0020}-\u{e007f}]/u;

/**
 * A user name or password as SASLprep (RFC 4013) compares it; undefined when it has a prohibited character or nothing is left.
 * Beyond the RFC it goes by the Unicode of today instead of version 3.2, so characters assigned since are taken, and it
 * accepts text in two directions that RFC 3454 section 6 does not. It refuses nothing that a strict client would send.
 */
export function saslPrep(text: string): string | undefined {
  const prepared = text.replace(otherSpaces, ' ').replace(invisible, '').normalize('NFKC');
  return prepared === '' || prohibited.test(prepared) ? undefined : prepared;
}
