// By property, so that a bundler for the browser does not see a global it should replace.
const NodeBuffer: typeof Buffer | undefined = globalThis.Buffer;

/** Base64 of the bytes: native in Node, `btoa` in a browser. */
export const encodeBase64: (bytes: Uint8Array) => string = NodeBuffer
  ? (bytes) => asBuffer(bytes).toString('base64')
  : (bytes) => btoa(binaryString(bytes));

/** The bytes of a base64 text, or `undefined` unless it is padded, canonical and of the standard alphabet. */
export function decodeBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0) return undefined;
  const bytes = decodeLeniently(text);
  return bytes && bytes.length === decodedLength(text) && endsCanonically(text, bytes) ? bytes : undefined;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return NodeBuffer!.isBuffer(bytes) ? bytes : NodeBuffer!.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function binaryString(bytes: Uint8Array): string {
  const step = 8_192; // A call takes only so many arguments.
  let text = '';
  for (let at = 0; at < bytes.length; at += step) text += String.fromCharCode(...bytes.subarray(at, at + step));
  return text;
}

const decodeLeniently: (text: string) => Uint8Array | undefined = NodeBuffer ? decodeInNode : decodeInBrowser;

/** Node skips what is foreign, which shows in the length, but takes URL-safe letters and cuts wide ones to a byte. */
function decodeInNode(text: string): Uint8Array | undefined {
  const isAscii = NodeBuffer!.byteLength(text) === text.length;
  return isAscii && !text.includes('-') && !text.includes('_') ? NodeBuffer!.from(text, 'base64') : undefined;
}

function decodeInBrowser(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}

function decodedLength(text: string): number {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  return (text.length / 4) * 3 - padding;
}

/** Unused bits of the last group must be zero, so that one sequence of bytes has one text. */
function endsCanonically(text: string, bytes: Uint8Array): boolean {
  if (!text.endsWith('=')) return true;
  const lastGroup = bytes.subarray(bytes.length - (bytes.length % 3));
  return text.endsWith(encodeBase64(lastGroup));
}
