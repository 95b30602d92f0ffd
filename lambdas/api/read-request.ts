import type { ApiRequest } from './api-request';
import { type Schema, SchemaChecker, type Violation } from './json-schema';
import { type Operation, type OperationName, operations } from './operations';
import { Problem } from './problem';
import { schemas } from './schemas';

/** Bytes of a body. Lambda takes events of 6 MB, in which a body is escaped once more. */
export const largestBody = 3_000_000;

/** What the parameters of a query may be, defaults filled in. */
export interface Query {
  readonly limit: number;
  readonly cursor?: string;
  readonly filter?: string;
  readonly will?: string;
  readonly session?: string;
}

const checker = new SchemaChecker(schemas);

/** The body as its schema has it. @throws Problem */
export function readBody(schema: Schema, { body }: ApiRequest): unknown {
  if (Buffer.byteLength(body) > largestBody) {
    throw new Problem('body-too-large', { detail: `it may have ${largestBody} bytes` });
  }
  const value = parseJson(body);
  refuse(checker.violations(chosenForm(schema, value), value));
  return value;
}

/** A batch is told from a single message by its list. */
function chosenForm(schema: Schema, value: unknown): Schema {
  const [single, batch] = schema.oneOf ?? [schema, schema];
  const isBatch = typeof value === 'object' && value !== null && 'messages' in value;
  return (isBatch ? batch : single) ?? schema;
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (error) {
    throw new Problem('malformed-json', { detail: (error as Error).message });
  }
}

/** The query, defaults filled in. @throws Problem for what the operation does not know */
export function readQuery(name: OperationName, { query }: ApiRequest): Query {
  const known: Readonly<Record<string, Schema>> = (operations[name] as Operation).query ?? {};
  const unknown = Object.keys(query).filter((parameter) => !Object.hasOwn(known, parameter));
  const read: Record<string, unknown> = {};
  const violations: Violation[] = unknown.map((pointer) => ({ pointer, detail: 'is not known here' }));
  for (const [parameter, schema] of Object.entries(known)) {
    const value = Object.hasOwn(query, parameter) ? fromText(schema, query[parameter] ?? '') : schema.default;
    if (value === undefined) continue;
    violations.push(...checker.violations(schema, value, parameter));
    read[parameter] = value;
  }
  refuse(violations);
  return read as unknown as Query;
}

function fromText({ type }: Schema, text: string): unknown {
  return type === 'integer' && /^\d{1,15}$/.test(text) ? Number(text) : text;
}

/**
 * A client id or a topic in the path: as it is, or as `~` and base64url of its UTF-8, which nothing on the way between
 * signer and Lambda escapes, unescapes or takes for a separator. @throws Problem
 */
export function readPath({ parameters }: ApiRequest, name: string): string {
  const given = parameters[name] ?? '';
  const value = given.startsWith('~') ? Buffer.from(given.slice(1), 'base64url').toString() : given;
  refuse(checker.violations({ type: 'string', minLength: 1, maxLength: 65_535 }, value, name));
  return value;
}

function refuse(errors: readonly Violation[]): void {
  if (errors.length > 0) throw new Problem('invalid-request', { errors });
}
