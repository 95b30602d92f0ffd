// Read as a property, so that bundlers for browsers do not add a polyfill for the global.
const NodeBuffer: typeof Buffer | undefined = globalThis.Buffer;

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** The bytes as base64: native in Node, in JavaScript elsewhere, because React Native may not have `btoa` and `atob`. */
export const encodeBase64: (bytes: Uint8Array) => string = NodeBuffer
  ? (bytes) => asBuffer(bytes).toString('base64')
  : encodeInScript;

/** The bytes of a base64 text; undefined if it is not padded, not canonical or not of the standard alphabet. */
export function decodeBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0) return undefined;
  const bytes = decodeLeniently(text);
  return bytes && bytes.length === decodedLength(text) && endsCanonically(text, bytes) ? bytes : undefined;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return NodeBuffer!.isBuffer(bytes) ? bytes : NodeBuffer!.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function encodeInScript(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 3) {
    const group = (bytes[at]! << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    text += ALPHABET[group >> 18]! + ALPHABET[(group >> 12) & 63] + ALPHABET[(group >> 6) & 63] + ALPHABET[group & 63];
  }
  const padding = (3 - (bytes.length % 3)) % 3;
  return padding === 0 ? text : text.slice(0, -padding) + '=='.slice(0, padding);
}

const decodeLeniently: (text: string) => Uint8Array | undefined = NodeBuffer ? decodeInNode : decodeInScript;

/**
 * Node skips foreign characters, which the length of the result reveals. It also accepts the URL-safe alphabet and truncates
 * characters above U+00FF, which have to be rejected before.
 */
function decodeInNode(text: string): Uint8Array | undefined {
  const isAscii = NodeBuffer!.byteLength(text) === text.length;
  return isAscii && !text.includes('-') && !text.includes('_') ? NodeBuffer!.from(text, 'base64') : undefined;
}

/** The value of each character code; -1 for foreign characters. */
const VALUES = new Int8Array(128).fill(-1);
for (let value = 0; value < 64; value++) VALUES[ALPHABET.charCodeAt(value)] = value;

function decodeInScript(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(decodedLength(text));
  const characters = text.length - paddingOf(text);
  let bits = 0;
  for (let at = 0, to = 0; at < characters; at++) {
    const value = VALUES[text.charCodeAt(at)] ?? -1;
    if (value < 0) return undefined;
    bits = (bits << 6) | value;
    if (at % 4 > 0) bytes[to++] = bits >> (6 - 2 * (at % 4));
  }
  return bytes;
}

function decodedLength(text: string): number {
  return (text.length / 4) * 3 - paddingOf(text);
}

function paddingOf(text: string): number {
  if (text.endsWith('==')) return 2;
  return text.endsWith('=') ? 1 : 0;
}

/** Unused bits of the last group must be zero, so that each byte sequence has exactly one base64 text. */
function endsCanonically(text: string, bytes: Uint8Array): boolean {
  if (!text.endsWith('=')) return true;
  const lastGroup = bytes.subarray(bytes.length - (bytes.length % 3));
  return text.endsWith(encodeBase64(lastGroup));
}
