import { type ParseArgsConfig, parseArgs } from 'node:util';
import { UsageError } from './commands/command';

/** Flags by long name, as `parseArgs` describes them. */
export type Flags = NonNullable<ParseArgsConfig['options']>;

/** The values of such flags. */
export type ParsedValues<F extends Flags> = ReturnType<typeof parseOptions<F>>['values'];

/** Parses arguments the way mosquitto does: a value may begin with a dash, and an unknown flag is refused. */
export function parseOptions<F extends Flags>(args: string[], flags: F, allowPositionals = false) {
  try {
    return parseArgs({ args: attachValues(args, flags), options: flags, strict: true, allowPositionals });
  } catch (error) {
    throw new UsageError(
      (error as Error).message
        .replace(/\. (To specify|This command).*$/s, '')
        .replace(/^[UO]/, (letter) => letter.toLowerCase()),
    );
  }
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
