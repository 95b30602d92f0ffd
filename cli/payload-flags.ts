import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { Flags } from './command';
import type { ParsedValues } from './parse-options';

/** What may be published, named as mosquitto names it. */
export const payloadFlags = {
  message: { type: 'string', short: 'm' },
  file: { type: 'string', short: 'f' },
  'stdin-file': { type: 'boolean', short: 's' },
  'null-message': { type: 'boolean', short: 'n' },
} as const satisfies Flags;

/** Which of these flags were given. */
export function payloadsGiven(values: ParsedValues<typeof payloadFlags>): string[] {
  return Object.keys(payloadFlags).filter((source) => values[source as keyof typeof payloadFlags] !== undefined);
}

/** The payload that the flags name; nothing unless one of them does. */
export async function payloadOf(values: ParsedValues<typeof payloadFlags>, stdin: Readable): Promise<Buffer> {
  if (values.file !== undefined) return readFile(values.file);
  if (values['stdin-file']) return buffer(stdin);
  return Buffer.from(values.message ?? '');
}
