import { createHash } from 'node:crypto';

/** DynamoDB: a partition key has at most 2,048 bytes, a sort key 1,024. */
export const maxPartitionKeyBytes = 2048;
export const maxSortKeyBytes = 1024;

const digestLength = 64;
/** No MQTT string contains U+0000 [MQTT-1.5.4-2], so a shortened key never equals a complete one. */
const separator = '\u0000';

/**
 * Returns a key for a string of any length: the string itself when it fits, otherwise its beginning and a digest of the
 * whole string. Topics may have 65,535 bytes, keys may not.
 */
export function keyOf(text: string, maximum: number, prefix = ''): string {
  const maxBytes = maximum - prefix.length;
  if (text.length * 3 <= maxBytes || Buffer.byteLength(text) <= maxBytes) return prefix + text;
  const digest = createHash('sha256').update(text).digest('hex');
  return prefix + beginningOf(text, maxBytes - digestLength - separator.length) + separator + digest;
}

/** True when a key holds only the beginning of its string. */
export function isShortened(key: string): boolean {
  return key.includes(separator);
}

/**
 * Returns the longest beginning of a string with at most this number of bytes. Every key of a longer string begins with
 * it.
 */
export function beginningOf(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  const whole = Buffer.from(text);
  let end = bytes;
  while (((whole[end] ?? 0) & 0xc0) === 0x80) end -= 1; // inside a character
  return whole.subarray(0, end).toString();
}

/** Returns the bytes that a shortened sort key of this size has for the string itself. */
export function literalKeyBytes(maximum: number, prefix = ''): number {
  return maximum - prefix.length - digestLength - separator.length;
}
