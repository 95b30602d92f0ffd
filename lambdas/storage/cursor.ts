import { InvalidCursorError } from '../broker/ports/directories';
import { readText, text } from './attributes';
import type { Item } from './dynamo';

/** Encodes a key as an opaque string. */
export function cursorOf(key: Item, names: readonly string[]): string {
  return Buffer.from(JSON.stringify(names.map((name) => readText(key[name])))).toString('base64url');
}

/**
 * Decodes a key.
 *
 * @throws InvalidCursorError
 */
export function keyIn(cursor: string, names: readonly string[]): Item {
  const values = parse(cursor);
  if (!isKey(values, names.length)) throw new InvalidCursorError('not a cursor of this list');
  return Object.fromEntries(names.map((name, index) => [name, text(values[index] ?? '')]));
}

function parse(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    return undefined;
  }
}

function isKey(values: unknown, length: number): values is string[] {
  return (
    Array.isArray(values) && values.length === length && values.every((value) => typeof value === 'string' && value)
  );
}
