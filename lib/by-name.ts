/** One value for each name of a description, under the same names. */
export function byName<Name extends string, Value>(
  description: { readonly [Key in Name]: unknown },
  create: (name: Name) => Value,
): { readonly [Key in Name]: Value } {
  const names = Object.keys(description) as Name[];
  return Object.fromEntries(names.map((name) => [name, create(name)])) as { [Key in Name]: Value };
}

/** The construct id of what a description calls `name`: `fanOut` is deployed as `FanOut`. */
export function constructId(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
