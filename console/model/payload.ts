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

/**
 * JSON with line breaks and indentation, or `undefined` where the text is none. Every token stays as it was written:
 * numbers beyond 2^53 and repeated names are what one looks at such a page for.
 */
export function prettyJson(text: string): string | undefined {
  if (!isJson(text)) return undefined;
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? [];
  let depth = 0;
  let pretty = '';
  for (const [index, token] of tokens.entries()) {
    const opens = token === '{' || token === '[';
    const closes = token === '}' || token === ']';
    const wasOpened = tokens[index - 1] === '{' || tokens[index - 1] === '[';
    if (closes) depth -= 1;
    if (closes ? !wasOpened : wasOpened || tokens[index - 1] === ',') pretty += `\n${'  '.repeat(depth)}`;
    pretty += token === ':' ? ': ' : token;
    if (opens) depth += 1;
  }
  return pretty;
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

/** Offset, bytes and what of them is ASCII, sixteen to a line. */
export function hexDump(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += bytesInLine) {
    const line = bytes.subarray(at, at + bytesInLine);
    const ascii = Array.from(line, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`${at.toString(16).padStart(6, '0')}  ${hexOf(line).padEnd(bytesInLine * 3 - 1)}  ${ascii}`);
  }
  return lines.join('\n');
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
