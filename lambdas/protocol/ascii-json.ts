/** Matches one UTF-16 unit outside printable ASCII. JSON has already escaped all control characters except U+007F. */
const notAscii = /[^\x20-\x7e]/g;

/**
 * Serializes a value as JSON that contains only ASCII. SQS rejects bodies with characters that XML does not allow; an ASCII body never
 * contains one. The length of the result equals its number of bytes.
 */
export function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(notAscii, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
