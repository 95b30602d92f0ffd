import * as v from 'valibot';
import type { ApiRequest } from './api-request';
import { Problem } from './problem';
import type { PathParameter, Violation } from './schemas';

/** Maximum size of a body in bytes. Lambda accepts events of 6 MB, in which the body is escaped once more. */
export const maxBodyBytes = 3_000_000;

/**
 * Reads the body by its schema.
 *
 * @throws Problem
 */
export function readBody<Schema extends v.GenericSchema>(schema: Schema, { body }: ApiRequest): v.InferOutput<Schema> {
  if (Buffer.byteLength(body) > maxBodyBytes) {
    throw new Problem('body-too-large', { detail: `it may have ${maxBodyBytes} bytes` });
  }
  return checked(schema, parseJson(body), jsonPointer);
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (error) {
    throw new Problem('malformed-json', { detail: (error as Error).message });
  }
}

/**
 * Reads the query parameters by their schema, defaults included.
 *
 * @throws Problem
 */
export function readQuery<Schema extends v.GenericSchema>(
  schema: Schema,
  { query }: ApiRequest,
): v.InferOutput<Schema> {
  return checked(schema, query, parameterName);
}

/**
 * Reads a path parameter. It stands in the path as it is, or as `~` and base64url of its UTF-8, which signers, proxies and
 * gateways neither escape nor split.
 *
 * @throws Problem
 */
export function readPath({ name, schema }: PathParameter, { parameters }: ApiRequest): string {
  const raw = parameters[name] ?? '';
  const value = raw.startsWith('~') ? Buffer.from(raw.slice(1), 'base64url').toString() : raw;
  return checked(schema, value, () => name);
}

type Path = v.BaseIssue<unknown>['path'];

function checked<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  pointerOf: (path: Path) => string,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value, { abortPipeEarly: true }); // one violation for each place
  if (result.success) return result.output;
  const errors = result.issues.map(({ path, message }): Violation => ({ pointer: pointerOf(path), detail: message }));
  throw new Problem('invalid-request', { errors });
}

/** RFC 6901. */
function jsonPointer(path: Path): string {
  return (path ?? []).map(({ key }) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

function parameterName(path: Path): string {
  return String(path?.[0]?.key ?? '');
}
