/** The part of JSON Schema 2020-12 that the API describes itself in, and checks what it is sent by. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: false;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly contentEncoding?: 'base64';
  readonly format?: 'date-time';
  readonly enum?: readonly (string | number)[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: string | number | boolean;
  readonly oneOf?: readonly Schema[];
  readonly not?: Schema;
}

/** Something that is not as its schema wants it. */
export interface Violation {
  /** JSON Pointer, RFC 6901; for a parameter its name. */
  readonly pointer: string;
  readonly detail: string;
}

export type Schemas = Readonly<Record<string, Schema>>;

const refPrefix = '#/components/schemas/';

/** Whether a value is what a schema wants; `named` are the schemas that it may refer to. */
export class SchemaChecker {
  constructor(private readonly named: Schemas) {}

  violations(schema: Schema, value: unknown, pointer = ''): Violation[] {
    const wanted = this.resolve(schema);
    if (wanted.oneOf) return this.ofClosest(wanted.oneOf, value, pointer);
    if (!isOfType(wanted.type, value)) return [{ pointer, detail: `must be ${article(wanted.type)}` }];
    return [
      ...ofText(wanted, value, pointer),
      ...ofNumber(wanted, value, pointer),
      ...(Array.isArray(value) ? this.ofList(wanted, value, pointer) : []),
      ...(wanted.type === 'object' ? this.ofObject(wanted, value as Record<string, unknown>, pointer) : []),
    ];
  }

  resolve(schema: Schema): Schema {
    if (schema.$ref === undefined) return schema;
    const found = this.named[schema.$ref.slice(refPrefix.length)];
    if (!found) throw new Error(`there is no schema ${schema.$ref}`);
    return found;
  }

  /** Of several forms the one that was most likely meant. */
  private ofClosest(forms: readonly Schema[], value: unknown, pointer: string): Violation[] {
    const tried = forms.map((form) => this.violations(form, value, pointer));
    return tried.reduce((one, other) => (other.length < one.length ? other : one));
  }

  private ofList({ items, minItems = 0, maxItems }: Schema, list: readonly unknown[], pointer: string): Violation[] {
    if (list.length < minItems) return [{ pointer, detail: `must have at least ${minItems} entries` }];
    if (maxItems !== undefined && list.length > maxItems) {
      return [{ pointer, detail: `must have at most ${maxItems} entries` }];
    }
    return items ? list.flatMap((entry, index) => this.violations(items, entry, `${pointer}/${index}`)) : [];
  }

  private ofObject(schema: Schema, value: Record<string, unknown>, pointer: string): Violation[] {
    const { properties = {}, required = [], not } = schema;
    const missing = required.filter((name) => !Object.hasOwn(value, name));
    const known = Object.keys(value).filter((name) => Object.hasOwn(properties, name));
    const unknown = Object.keys(value).filter((name) => !Object.hasOwn(properties, name));
    return [
      ...missing.map((name) => ({ pointer: join(pointer, name), detail: 'is required' })),
      ...unknown.map((name) => ({ pointer: join(pointer, name), detail: 'is not known here' })),
      ...known.flatMap((name) => this.violations(properties[name] ?? {}, value[name], join(pointer, name))),
      ...(not?.required?.every((name) => Object.hasOwn(value, name))
        ? [{ pointer, detail: `must not have ${not.required.join(' and ')} at once` }]
        : []),
    ];
  }
}

/** A reference to a named schema. */
export function ref(name: string): Schema {
  return { $ref: refPrefix + name };
}

function isOfType(type: Schema['type'], value: unknown): boolean {
  switch (type) {
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    case 'array':
      return Array.isArray(value);
    case 'integer':
      return Number.isInteger(value);
    default:
      return type === undefined || typeof value === type;
  }
}

function article(type: Schema['type']): string {
  return /^[aio]/.test(type ?? '') ? `an ${type}` : `a ${type}`;
}

function ofText({ minLength = 0, maxLength, contentEncoding, enum: choices }: Schema, value: unknown, pointer: string) {
  if (choices && !choices.includes(value as string | number)) {
    return [{ pointer, detail: `must be one of ${choices.join(', ')}` }];
  }
  if (typeof value !== 'string') return [];
  if (Buffer.from(value).toString() !== value || value.includes('\0'))
    return [{ pointer, detail: 'must be UTF-8 without U+0000' }];
  if (value.length < minLength) return [{ pointer, detail: 'must not be empty' }];
  if (maxLength !== undefined && value.length > maxLength) {
    return [{ pointer, detail: `must have at most ${maxLength} characters` }];
  }
  const isBase64 = contentEncoding !== 'base64' || Buffer.from(value, 'base64').toString('base64') === value;
  return isBase64 ? [] : [{ pointer, detail: 'must be base64 with padding' }];
}

function ofNumber({ minimum, maximum }: Schema, value: unknown, pointer: string): Violation[] {
  if (typeof value !== 'number') return [];
  if (minimum !== undefined && value < minimum) return [{ pointer, detail: `must be at least ${minimum}` }];
  return maximum !== undefined && value > maximum ? [{ pointer, detail: `must be at most ${maximum}` }] : [];
}

function join(pointer: string, name: string): string {
  return `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
