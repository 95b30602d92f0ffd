import { createHash } from 'node:crypto';

/** DynamoDB: a partition key is at most 2,048 bytes, a sort key 1,024. */
export const maxPartitionKeyBytes = 2048;
export const maxSortKeyBytes = 1024;

const digestLength = 64;
/** No MQTT string contains it [MQTT-1.5.4-2], so a shortened key can never equal a whole one. */
const separator = '\u0000';

/**
 * A key for a string of any length: itself when it fits, otherwise its beginning and a digest of the whole. Topics may
 * be 65,535 bytes, keys may not.
 */
export function keyOf(text: string, maximum: number, prefix = ''): string {
  const maxBytes = maximum - prefix.length;
  if (text.length * 3 <= maxBytes || Buffer.byteLength(text) <= maxBytes) return prefix + text;
  const digest = createHash('sha256').update(text).digest('hex');
  return prefix + beginningOf(text, maxBytes - digestLength - separator.length) + separator + digest;
}

/** Whether a key holds only the beginning of its text. */
export function isShortened(key: string): boolean {
  return key.includes(separator);
}

/** The longest beginning of a text with at most so many bytes; every key of a longer text begins with it. */
export function beginningOf(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  const whole = Buffer.from(text);
  let end = bytes;
  while (((whole[end] ?? 0) & 0xc0) === 0x80) end -= 1; // inside a character
  return whole.subarray(0, end).toString();
}

/** What is left of a sort key of this size for the text itself when it has to be shortened. */
export function literalKeyBytes(maximum: number, prefix = ''): number {
  return maximum - prefix.length - digestLength - separator.length;
}
