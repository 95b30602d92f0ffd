type ByName<Name extends string, Value> = { readonly [Key in Name]: Value };

/** Returns the entries of a record whose keys are all of a union. */
export function entriesOf<Name extends string, Value>(record: ByName<Name, Value>): [Name, Value][] {
  return Object.entries(record) as [Name, Value][];
}

/** Returns a record with the same keys and other values. */
export function mapValues<Name extends string, From, To>(
  record: ByName<Name, From>,
  map: (value: From, name: Name) => To,
): ByName<Name, To> {
  const mapped = entriesOf(record).map(([name, value]) => [name, map(value, name)]);
  return Object.fromEntries(mapped) as ByName<Name, To>;
}
