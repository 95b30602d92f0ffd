/** Format of a payload for display and input. */
export type PayloadFormat = 'text' | 'json' | 'hex';

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Decodes UTF-8. Returns `undefined` if the bytes are not valid UTF-8. */
export function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return undefined;
  }
}

const previewBytes = 240;

/** Formats the beginning of a payload as one line. */
export function formatPreview(bytes: Uint8Array): string {
  if (bytes.length === 0) return '(empty)';
  const isWhole = bytes.length <= previewBytes;
  // The cut may split a character at the end, which is not an error with `stream`.
  const text = isWhole ? decodePreview(bytes) : decodePreview(bytes.subarray(0, previewBytes), { stream: true });
  if (text !== undefined) return text.replace(/\s+/g, ' ');
  return formatHex(bytes.subarray(0, 32)) + (bytes.length > 32 ? ' …' : '');
}

function decodePreview(bytes: Uint8Array, options: { readonly stream?: boolean } = {}): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes, options);
  } catch {
    return undefined;
  }
}

/** Number of characters of a payload that the page shows first: the layout of large texts is slow. */
export const initialCharacters = 16_384;

/** Beginning of a text. `isCut` is true if more follows. */
export interface Excerpt {
  readonly text: string;
  readonly isCut: boolean;
}

/** Cuts a text to `max` characters, and appends an ellipsis if more follows. */
export function cutText(text: string, max: number): string {
  return text.length <= max ? text : `${textExcerpt(text, max).text}…`;
}

/** Cuts a text to `max` characters, without splitting a surrogate pair. */
export function textExcerpt(text: string, max: number): Excerpt {
  if (text.length <= max) return { text, isCut: false };
  const isHalf = /[\ud800-\udbff]/.test(text[max - 1] ?? '');
  return { text: text.slice(0, isHalf ? max - 1 : max), isCut: true };
}

/** Maximum depth of displayed JSON. A payload can have a depth of 48,000, with 96,000 spaces of indentation in a line. */
const maxDepth = 32;

/**
 * Formats JSON with line breaks and indentation, at most `max` characters. Returns `undefined` if the text is not JSON.
 * Replaces everything deeper than 32 levels by an ellipsis. Keeps each token as written, for example numbers above 2^53 and
 * repeated names.
 */
export function prettyJson(text: string, max: number): Excerpt | undefined {
  if (!isJson(text)) return undefined;
  const pretty = new PrettyJson();
  const tokens = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;
  for (let match = tokens.exec(text); match && pretty.text.length <= max; match = tokens.exec(text))
    pretty.add(match[0]);
  return textExcerpt(pretty.text, max);
}

/** Formatter of JSON that receives one token at a time. */
class PrettyJson {
  text = '';
  private depth = 0;
  private previousToken = '';

  add(token: string): void {
    if (isClosing(token)) this.depth -= 1;
    if (this.depth < maxDepth) this.write(token);
    else if (this.depth === maxDepth && isOpening(this.previousToken)) this.text += '…';
    if (isOpening(token)) this.depth += 1;
    this.previousToken = token;
  }

  private write(token: string): void {
    const closes = isClosing(token);
    const isFirst = isOpening(this.previousToken);
    const isHidden = closes && this.depth === maxDepth - 1;
    if (!isHidden && (closes ? !isFirst : isFirst || this.previousToken === ','))
      this.text += `\n${'  '.repeat(this.depth)}`;
    this.text += token === ':' ? ': ' : token;
  }
}

function isClosing(token: string): boolean {
  return token === '}' || token === ']';
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

/** Formats bytes as hexadecimal digits, for example `00 ff 10`. */
export function formatHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

const bytesInLine = 16;

/** Characters of a line of a dump, line feed included. */
const lineLength = 74;

/** Formats a hex dump of 16 bytes per line: offset, bytes, ASCII. Returns only whole lines, at most `max` characters. */
export function hexDump(bytes: Uint8Array, max: number): Excerpt {
  const shown = bytes.subarray(0, Math.floor(max / lineLength) * bytesInLine);
  const lines: string[] = [];
  for (let at = 0; at < shown.length; at += bytesInLine) {
    const line = shown.subarray(at, at + bytesInLine);
    const ascii = Array.from(line, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`${at.toString(16).padStart(6, '0')}  ${formatHex(line).padEnd(bytesInLine * 3 - 1)}  ${ascii}`);
  }
  return { text: lines.join('\n'), isCut: shown.length < bytes.length };
}

/** Parses the input of a payload. @throws Error if the input does not match the format. */
export function parsePayload(input: string, format: PayloadFormat): Uint8Array {
  if (format === 'hex') return parseHex(input);
  if (format === 'json') JSON.parse(input); // Throws an error with the position.
  return new TextEncoder().encode(input);
}

/** Parses hexadecimal digits, with optional white space. @throws Error for other characters or an odd number of digits. */
export function parseHex(input: string): Uint8Array {
  const digits = input.replace(/\s+/g, '');
  const invalid = /[^0-9a-f]/i.exec(digits);
  if (invalid) throw new Error(`hex contains ${JSON.stringify(invalid[0])}, but only 0 to 9 and a to f are allowed`);
  if (digits.length % 2 === 1) throw new Error(`hex has ${digits.length} digits, but needs two per byte`);
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
