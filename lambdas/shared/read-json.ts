// Readers of configuration: one definition gives the type, the checks and the text of errors. They are small because every
// cold start loads them: Valibot, which checks requests of the API, would add 6 KB to the 50 KB of the handshake function.

/** Reads a value of parsed JSON, or throws the error of the place. An absent value is undefined. */
export type Reader<Value> = (value: unknown, place: Place) => Value;

/** Type of the values that a reader returns, read-only. */
export type Read<Type extends Reader<unknown>> = DeepReadonly<ReturnType<Type>>;

type DeepReadonly<Type> = Type extends object ? { readonly [Key in keyof Type]: DeepReadonly<Type[Key]> } : Type;

/** Class of the errors of one kind of configuration. */
export type ErrorClass = new (message: string) => Error;

/** A place in a configuration, for example `access.rules[3].topics`, with the class of its errors. */
export class Place {
  constructor(
    private readonly path: string,
    private readonly InvalidError: ErrorClass,
  ) {}

  below(key: string | number): Place {
    return new Place(`${this.path}${typeof key === 'number' ? `[${key}]` : `.${key}`}`, this.InvalidError);
  }

  /** @throws the error of this configuration: one line with the place, at most 100 characters of the value, and what is allowed */
  refuse(value: unknown, allowed: string): never {
    this.fail(this.path, value, allowed);
  }

  /** @throws likewise, for a key that an object must not have */
  refuseKey(key: string, keys: readonly string[]): never {
    this.fail(`a key of ${this.path}`, key, `one of ${keys.join(', ')}`);
  }

  private fail(path: string, value: unknown, allowed: string): never {
    const text = JSON.stringify(value) ?? 'absent';
    const shown = text.length <= 100 ? text : `${text.slice(0, 100)}...`;
    throw new this.InvalidError(`${path} is ${shown}, but must be ${allowed}`);
  }
}

/**
 * Parses JSON. Messages call it `where`.
 *
 * @throws the given error, with a message of one line
 */
export function parseJson(text: string, where: string, InvalidError: ErrorClass): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InvalidError(`${where} is not JSON: ${(error as Error).message.replace(/\s+/g, ' ')}`);
  }
}

type Entries = Readonly<Record<string, Reader<unknown>>>;
type ObjectOf<Of extends Entries> = {
  [Key in keyof Of as undefined extends ReturnType<Of[Key]> ? never : Key]: ReturnType<Of[Key]>;
} & {
  [Key in keyof Of as undefined extends ReturnType<Of[Key]> ? Key : never]?: ReturnType<Of[Key]>;
};

/** Reads an object without other keys: a misspelt key could allow more than its author intended. */
export function object<const Of extends Entries>(entries: Of): Reader<ObjectOf<Of>> {
  const keys = Object.keys(entries);
  return (value, place) => {
    if (!isObject(value)) return place.refuse(value, `an object with ${keys.join(', ')}`);
    const unknown = Object.keys(value).find((key) => !keys.includes(key));
    if (unknown !== undefined) place.refuseKey(unknown, keys);
    const read = Object.entries(entries).map(([key, reader]) => [key, reader(value[key], place.below(key))] as const);
    return Object.fromEntries(read.filter(([, result]) => result !== undefined)) as ObjectOf<Of>;
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function optional<Value>(reader: Reader<Value>): Reader<Value | undefined> {
  return (value, place) => (value === undefined ? undefined : reader(value, place));
}

/** Reads a value that has a default. */
export function withDefault<const Value>(reader: Reader<Value>, defaultValue: NoInfer<Value>): Reader<Value> {
  return (value, place) => (value === undefined ? defaultValue : reader(value, place));
}

export function list<Entry>(
  reader: Reader<Entry>,
  { min, max, of }: { readonly min: number; readonly max: number; readonly of: string },
): Reader<Entry[]> {
  return (value, place) => {
    if (!Array.isArray(value) || value.length < min || value.length > max)
      return place.refuse(value, `a list of ${min} to ${max} ${of}`);
    return value.map((entry, index) => reader(entry, place.below(index)));
  };
}

/** Reads one of several values; `allowed` describes them. */
export function choice<const Choice extends string | number>(
  choices: readonly Choice[],
  allowed = `one of ${choices.join(', ')}`,
): Reader<Choice> {
  return (value, place) => choices.find((each) => each === value) ?? place.refuse(value, allowed);
}

export const flag: Reader<boolean> = (value, place) =>
  typeof value === 'boolean' ? value : place.refuse(value, 'true or false');

export function wholeNumber({ min, max }: { readonly min: number; readonly max: number }): Reader<number> {
  return (value, place) => {
    const isAllowed = typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
    return isAllowed ? value : place.refuse(value, `a whole number from ${min} to ${max}`);
  };
}

/** Reads a string that `isAllowed`; `allowed` describes such strings. */
export function string(allowed: string, isAllowed: (text: string) => boolean = () => true): Reader<string> {
  return (value, place) => (typeof value === 'string' && isAllowed(value) ? value : place.refuse(value, allowed));
}

/** Reads a value and checks it as a whole. */
export function checked<Value>(reader: Reader<Value>, check: (value: Value, place: Place) => void): Reader<Value> {
  return (value, place) => {
    const result = reader(value, place);
    check(result, place);
    return result;
  };
}
