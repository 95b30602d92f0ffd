import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { Flags } from './command';
import type { ParsedValues } from './parse-options';

/** Flags for the source of a payload, with mosquitto's names. */
export const payloadFlags = {
  message: { type: 'string', short: 'm' },
  file: { type: 'string', short: 'f' },
  'stdin-file': { type: 'boolean', short: 's' },
  'null-message': { type: 'boolean', short: 'n' },
} as const satisfies Flags;

/** Returns the names of the payload flags that are set. */
export function payloadSourcesIn(values: ParsedValues<typeof payloadFlags>): string[] {
  return Object.keys(payloadFlags).filter((source) => values[source as keyof typeof payloadFlags] !== undefined);
}

/** Reads the payload from the source that the flags select. Returns an empty payload if no flag is set. */
export async function readPayload(values: ParsedValues<typeof payloadFlags>, stdin: Readable): Promise<Buffer> {
  if (values.file !== undefined) return readFile(values.file);
  if (values['stdin-file']) return buffer(stdin);
  return Buffer.from(values.message ?? '');
}
