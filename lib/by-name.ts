/** Creates one value for each key of a description, under the same keys. */
export function byName<Name extends string, Value>(
  description: { readonly [Key in Name]: unknown },
  create: (name: Name) => Value,
): { readonly [Key in Name]: Value } {
  const names = Object.keys(description) as Name[];
  return Object.fromEntries(names.map((name) => [name, create(name)])) as { [Key in Name]: Value };
}

/** Returns the construct id for a name of the description: `FanOut` for `fanOut`. */
export function constructId(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
