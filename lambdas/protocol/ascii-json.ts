/** Everything that is not printable ASCII, one UTF-16 unit each. JSON has escaped control characters already, but for U+007F. */
const notAscii = /[^\x20-\x7e]/g;

/**
 * A value as JSON in ASCII, so that no string in it makes a body that a service does not take: SQS refuses characters that XML does not
 * know. Its length is its bytes.
 */
export function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(notAscii, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
