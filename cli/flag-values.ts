import { disallowedCharacterIn } from '../lambdas/protocol/disallowed-characters';
import { UsageError } from './command';

/** Limits of a number, both inclusive. */
export interface NumberRange {
  readonly min: number;
  readonly max: number;
}

/** Parses the value of a flag as a whole number. @throws UsageError outside the range. */
export function wholeNumber(flag: string, value: string, { min, max }: NumberRange): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= min && number <= max) return number;
  throw new UsageError(`${flag} takes a whole number from ${min} to ${max}, not "${value}"`);
}

/** Parses the value of a flag as seconds, fractions allowed, and returns milliseconds. @throws UsageError */
export function milliseconds(flag: string, value: string): number {
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value) * 1_000;
  throw new UsageError(`${flag} takes seconds, not "${value}"`);
}

/** Parses the value of a flag that accepts a fixed set of words. @throws UsageError for any other word. */
export function oneOf<Word extends string>(flag: string, value: string, words: readonly Word[]): Word {
  const word = words.find((each) => each === value);
  if (word !== undefined) return word;
  throw new UsageError(`${flag} takes ${words.slice(0, -1).join(', ')} or ${words.at(-1)}, not "${value}"`);
}

/**
 * Checks that the value of a flag is a valid UTF-8 encoded string of MQTT. A broker may close the connection of a client
 * that sends other characters [MQTT-1.5.4-1]. @throws UsageError
 */
export function allowedText(flag: string, value: string): string {
  const disallowed = disallowedCharacterIn(value);
  if (disallowed)
    throw new UsageError(`${flag} takes text without control characters and noncharacters, not ${disallowed}`);
  return value;
}

/** Checks that the value of a flag or argument is a topic name [MQTT-3.3.2-2] [MQTT-4.7.3-1]. @throws UsageError */
export function topicName(flag: string, value: string): string {
  if (value === '') throw new UsageError(`${flag} takes a topic of at least one character`);
  if (/[+#]/.test(value)) throw new UsageError(`${flag} takes a topic without wildcards, not "${value}"`);
  return value;
}

/** Checks that each wildcard of a topic filter fills its level and that # is the last level [MQTT-4.7.1-1]. @throws UsageError */
export function topicFilter(flag: string, value: string): string {
  const isFilter = value !== '' && /^(\+|[^+#/]*)(\/(\+|[^+#/]*))*(\/#)?$|^#$/.test(value);
  if (isFilter) return value;
  throw new UsageError(`${flag} takes a topic filter, in which + and # fill a level and # is the last, not "${value}"`);
}
