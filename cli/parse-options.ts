import { parseArgs } from 'node:util';
import { type Flags, UsageError } from './command';
import { nearestName } from './nearest-name';

/** Parsed values of these flags. */
export type ParsedValues<F extends Flags> = ReturnType<typeof parseOptions<F>>['values'];

/**
 * Parses arguments that are all flags, by mosquitto's rules: a value may begin with a dash.
 * @throws UsageError for an unknown flag, a missing value or a positional argument.
 */
export function parseOptions<F extends Flags>(args: string[], flags: F) {
  return parse(args, flags, { allowPositionals: false });
}

/** Parses flags and positional arguments, in any order. @throws UsageError for an unknown flag or a missing value. */
export function parseOptionsAndArguments<F extends Flags>(args: string[], flags: F) {
  return parse(args, flags, { allowPositionals: true });
}

function parse<F extends Flags>(args: string[], flags: F, { allowPositionals }: { allowPositionals: boolean }) {
  try {
    return parseArgs({ args: attachValues(args, flags), options: flags, strict: true, allowPositionals });
  } catch (error) {
    const message = (error as Error).message
      .replace(/\. (To specify|This command).*$/s, '')
      .replace(/^[UO]/, (letter) => letter.toLowerCase());
    throw new UsageError(`${message}${suggestion(message, flags)}`);
  }
}

/** Returns a suffix with the flag that is most similar to an unknown one. */
function suggestion(message: string, flags: Flags): string {
  const [, unknown] = /^unknown option '--([^']*)'/.exec(message) ?? [];
  const name = unknown && nearestName(unknown, Object.keys(flags));
  return name ? ` (did you mean --${name}?)` : '';
}

/** Rewrites `-m -5` as `--message=-5`: `parseArgs` would parse the value as a flag. */
function attachValues(args: string[], flags: Flags): string[] {
  const attached: string[] = [];
  for (let index = 0; index < args.length; index++) {
    const name = flagNamed(args[index]!, flags);
    const takesValue = name !== undefined && flags[name]!.type === 'string';
    if (takesValue && index + 1 < args.length) attached.push(`--${name}=${args[++index]}`);
    else attached.push(args[index]!);
  }
  return attached;
}

function flagNamed(arg: string, flags: Flags): string | undefined {
  return Object.keys(flags).find((name) => arg === `--${name}` || arg === `-${flags[name]!.short}`);
}
