/** How a payload is shown, or was typed. */
export type PayloadForm = 'text' | 'json' | 'hex';

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of UTF-8, or `undefined` where the bytes are something else. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return undefined;
  }
}

const previewBytes = 240;

/** The beginning of a payload in one line. */
export function previewOf(bytes: Uint8Array): string {
  if (bytes.length === 0) return '(empty)';
  const isWhole = bytes.length <= previewBytes;
  // A character may be cut at the end; `stream` keeps that from being an error.
  const text = beginningOf(isWhole ? bytes : bytes.subarray(0, previewBytes), isWhole);
  if (text !== undefined) return text.replace(/\s+/g, ' ');
  return hexOf(bytes.subarray(0, 32)) + (bytes.length > 32 ? ' …' : '');
}

function beginningOf(bytes: Uint8Array, isWhole: boolean): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: !isWhole });
  } catch {
    return undefined;
  }
}

/** As much of a payload as is shown at first; a browser lays out more only when somebody asks for it. */
export const firstShown = 16_384;

/** A beginning of something, and whether more follows. */
export interface Excerpt {
  readonly text: string;
  readonly isCut: boolean;
}

/** The beginning of a text, at most so many characters, and a mark where more follows. */
export function cutText(text: string, most: number): string {
  return text.length <= most ? text : `${textExcerpt(text, most).text}…`;
}

/** The same without the mark. A character of two code units is not cut in the middle. */
export function textExcerpt(text: string, most: number): Excerpt {
  if (text.length <= most) return { text, isCut: false };
  const isHalf = /[\ud800-\udbff]/.test(text[most - 1] ?? '');
  return { text: text.slice(0, isHalf ? most - 1 : most), isCut: true };
}

/** Levels of nested JSON that are shown; a broker takes 48,000, of which each line would begin with 96,000 spaces. */
const deepestShown = 32;

/**
 * JSON with line breaks and indentation, at most so many characters, or `undefined` where the text is none. What is nested deeper than
 * 32 levels is left out, with a mark in its place. Every token stays as it was written: numbers beyond 2^53 and repeated names are
 * what one looks at such a page for.
 */
export function prettyJson(text: string, most: number): Excerpt | undefined {
  if (!isJson(text)) return undefined;
  const pretty = new PrettyJson();
  const tokens = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;
  for (let match = tokens.exec(text); match && pretty.text.length <= most; match = tokens.exec(text))
    pretty.add(match[0]);
  return textExcerpt(pretty.text, most);
}

/** JSON as it is written down token by token. */
class PrettyJson {
  text = '';
  private depth = 0;
  private before = '';

  add(token: string): void {
    const closes = token === '}' || token === ']';
    if (closes) this.depth -= 1;
    if (this.depth < deepestShown) this.write(token, closes);
    else if (this.depth === deepestShown && isOpening(this.before)) this.text += '…';
    if (isOpening(token)) this.depth += 1;
    this.before = token;
  }

  private write(token: string, closes: boolean): void {
    const isFirst = isOpening(this.before);
    const isHidden = closes && this.depth === deepestShown - 1;
    if (!isHidden && (closes ? !isFirst : isFirst || this.before === ',')) this.text += `\n${'  '.repeat(this.depth)}`;
    this.text += token === ':' ? ': ' : token;
  }
}

function isOpening(token: string): boolean {
  return token === '{' || token === '[';
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** `00 ff 10` */
export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

const bytesInLine = 16;

/** Characters of a line of a dump, its end included. */
const lineLength = 74;

/** Offset, bytes and what of them is ASCII, sixteen to a line, in whole lines of at most so many characters together. */
export function hexDump(bytes: Uint8Array, most: number): Excerpt {
  const shown = bytes.subarray(0, Math.floor(most / lineLength) * bytesInLine);
  const lines: string[] = [];
  for (let at = 0; at < shown.length; at += bytesInLine) {
    const line = shown.subarray(at, at + bytesInLine);
    const ascii = Array.from(line, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`${at.toString(16).padStart(6, '0')}  ${hexOf(line).padEnd(bytesInLine * 3 - 1)}  ${ascii}`);
  }
  return { text: lines.join('\n'), isCut: shown.length < bytes.length };
}

/** The bytes of what was typed. Throws an `Error` that says what is wrong with it. */
export function bytesOf(typed: string, form: PayloadForm): Uint8Array {
  if (form === 'hex') return bytesOfHex(typed);
  if (form === 'json') JSON.parse(typed); // its error tells the place
  return new TextEncoder().encode(typed);
}

/** Pairs of hexadecimal digits, with white space between bytes or without. */
export function bytesOfHex(typed: string): Uint8Array {
  const digits = typed.replace(/\s+/g, '');
  const foreign = /[^0-9a-f]/i.exec(digits);
  if (foreign) throw new Error(`hex has ${JSON.stringify(foreign[0])}, but must have digits 0 to 9 and a to f only`);
  if (digits.length % 2 === 1) throw new Error(`hex has ${digits.length} digits, but must have two for each byte`);
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
