import { parseArgs } from 'node:util';
import { disallowedCharacterIn } from '../lambdas/protocol/disallowed-characters';
import { type Flags, UsageError } from './command';
import { nearest } from './nearest';

/** The values of such flags. */
export type ParsedValues<F extends Flags> = ReturnType<typeof parseOptions<F>>['values'];

/** Parses arguments the way mosquitto does: a value may begin with a dash, and an unknown flag is refused. */
export function parseOptions<F extends Flags>(args: string[], flags: F, allowPositionals = false) {
  try {
    return parseArgs({ args: attachValues(args, flags), options: flags, strict: true, allowPositionals });
  } catch (error) {
    const message = (error as Error).message
      .replace(/\. (To specify|This command).*$/s, '')
      .replace(/^[UO]/, (letter) => letter.toLowerCase());
    throw new UsageError(`${message}${suggestion(message, flags)}`);
  }
}

/** Names the flag that was probably meant by one that is unknown. */
function suggestion(message: string, flags: Flags): string {
  const [, unknown] = /^unknown option '--([^']*)'/.exec(message) ?? [];
  const name = unknown && nearest(unknown, Object.keys(flags));
  return name ? `, the nearest is --${name}` : '';
}

/** The value of a flag as a whole number within bounds. */
export function wholeNumber(flag: string, value: string, least: number, most: number): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= least && number <= most) return number;
  throw new UsageError(`${flag} takes a whole number from ${least} to ${most}, not "${value}"`);
}

/** The value of a flag as seconds, fractions allowed, in milliseconds. */
export function milliseconds(flag: string, value: string): number {
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value) * 1_000;
  throw new UsageError(`${flag} takes seconds, not "${value}"`);
}

/** The value of a flag as one of a few words. */
export function oneOf<Word extends string>(flag: string, value: string, words: readonly Word[]): Word {
  const word = words.find((each) => each === value);
  if (word !== undefined) return word;
  throw new UsageError(`${flag} takes ${words.slice(0, -1).join(', ')} or ${words.at(-1)}, not "${value}"`);
}

/** The value of a flag as a string of MQTT: a broker may close the connection of a client that sends other characters [MQTT-1.5.4-1]. */
export function cleanText(flag: string, value: string): string {
  const unclean = disallowedCharacterIn(value);
  if (unclean)
    throw new UsageError(`${flag} takes a text without control characters and noncharacters, not ${unclean}`);
  return value;
}

/** The value of a flag, or of an argument that is called so, as a topic to publish to [MQTT-3.3.2-2] [MQTT-4.7.3-1]. */
export function topicName(flag: string, value: string): string {
  if (value === '') throw new UsageError(`${flag} takes a topic, which has a character at least`);
  if (/[+#]/.test(value)) throw new UsageError(`${flag} takes a topic without wildcards, not "${value}"`);
  return value;
}

/** The value of a flag as a topic filter: wildcards stand alone in their level, and # is the last [MQTT-4.7.1-1]. */
export function topicFilter(flag: string, value: string): string {
  const isFilter = value !== '' && /^(\+|[^+#/]*)(\/(\+|[^+#/]*))*(\/#)?$|^#$/.test(value);
  if (isFilter) return value;
  throw new UsageError(`${flag} takes a topic filter, in which + and # stand alone and # comes last, not "${value}"`);
}

/** `-m -5` becomes `--message=-5`, since `parseArgs` would take the value for a flag. */
function attachValues(args: string[], flags: Flags): string[] {
  const attached: string[] = [];
  for (let index = 0; index < args.length; index++) {
    const name = nameOf(args[index]!, flags);
    const takesValue = name !== undefined && flags[name]!.type === 'string';
    if (takesValue && index + 1 < args.length) attached.push(`--${name}=${args[++index]}`);
    else attached.push(args[index]!);
  }
  return attached;
}

function nameOf(arg: string, flags: Flags): string | undefined {
  return Object.keys(flags).find((name) => arg === `--${name}` || arg === `-${flags[name]!.short}`);
}
