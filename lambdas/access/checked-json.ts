import { allowedTextRule, isAllowedText } from '../protocol/disallowed-characters';

/** Access cannot be decided by what is written. The message is for whoever wrote it. */
export class InvalidAccessError extends Error {
  override readonly name = 'InvalidAccessError';
}

/** JSON as a value; errors stay on one line, and call it `where`. */
export function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InvalidAccessError(`${where} is no JSON: ${(error as Error).message.replace(/\s+/g, ' ')}`);
  }
}

/** An object without other keys: one that is misspelt would otherwise allow more than was meant. */
export function readObject(value: unknown, where: string, keys: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return refuse(value, where, `an object with ${keys.join(', ')}`);
  const unknown = Object.keys(value).find((key) => !keys.includes(key));
  if (unknown !== undefined) refuse(unknown, `a key of ${where}`, `one of ${keys.join(', ')}`);
  return value as Record<string, unknown>;
}

export function readList<Entry>(
  value: unknown,
  where: string,
  { min, max, of }: { min: number; max: number; of: string },
  readEntry: (value: unknown, where: string) => Entry,
): Entry[] {
  if (!Array.isArray(value) || value.length < min || value.length > max)
    return refuse(value, where, `a list of ${min} to ${max} ${of}`);
  return value.map((entry, index) => readEntry(entry, `${where}[${index}]`));
}

export function readChoice<Choice extends string>(value: unknown, where: string, choices: readonly Choice[]): Choice {
  return choices.find((choice) => choice === value) ?? refuse(value, where, `one of ${choices.join(', ')}`);
}

export function readText(value: unknown, where: string): string {
  if (typeof value !== 'string' || value === '') return refuse(value, where, 'a text that is not empty');
  return isAllowedText(value) ? value : refuse(value, where, `a text ${allowedTextRule}`);
}

export function readFlag(value: unknown, where: string): boolean {
  return typeof value === 'boolean' ? value : refuse(value, where, 'true or false');
}

export function readWholeNumber(value: unknown, where: string, min: number, max: number): number {
  const isAllowed = Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
  return isAllowed ? (value as number) : refuse(value, where, `a whole number from ${min} to ${max}`);
}

/** @throws InvalidAccessError that says where, what and what is allowed; the value is cut short. */
export function refuse(value: unknown, where: string, allowed: string): never {
  const text = JSON.stringify(value) ?? 'absent';
  const shown = text.length <= 100 ? text : `${text.slice(0, 100)}...`;
  throw new InvalidAccessError(`${where} is ${shown}, but must be ${allowed}`);
}
