/** What an expression is parsed with, and what the parser tells by taking names away: which of them are used. */
interface Context {
  readonly attrNames?: Readonly<Record<string, string>>;
  readonly attrVals?: Readonly<Record<string, object>>;
  readonly unusedAttrNames: Record<string, true>;
  readonly unusedAttrVals: Record<string, true>;
  readonly isKeyCondition?: boolean;
}

/** A parser of dynalite's. */
export interface ExpressionParser {
  parse(expression: string, options: { context: Context }): unknown;
}

/** A parsed expression with names in place of its values. */
interface Remembered {
  readonly template: unknown;
  readonly names: readonly string[];
  readonly values: readonly string[];
}

/** In a template: the value of this name. */
class ValueOf {
  constructor(readonly name: string) {}
}

/** Under which a parser keeps what it did before. */
export const plainly = Symbol.for('cirrus-mqtt.plainly');

/** Expressions are constants of the program, or nearly so. */
const capacity = 1000;

/** What the parser says of these depends on the values themselves. */
const valueDependent = /\bBETWEEN\b|\battribute_type\b/i;

/**
 * Lets a parser remember what it has parsed: it takes a quarter of all that DynamoDB costs here, and is asked the same few
 * questions for ever. An error is never remembered, as it names values.
 */
export function rememberParsed(parser: ExpressionParser & { [plainly]?: ExpressionParser['parse'] }): void {
  if (parser[plainly]) return;
  const parse = parser.parse;
  const known = new Map<string, Remembered>();
  parser.parse = (expression, { context }) => {
    const key = keyOf(expression, context);
    const remembered = known.get(key);
    if (remembered) return recall(remembered, context);
    const unused = { names: Object.keys(context.unusedAttrNames), values: Object.keys(context.unusedAttrVals) };
    const parsed = parse(expression, { context });
    if (typeof parsed === 'object' && known.size < capacity && !valueDependent.test(expression)) {
      const template = toTemplate(
        parsed,
        new Map(Object.entries(context.attrVals ?? {}).map(([name, value]) => [value, name])),
      );
      const names = unused.names.filter((name) => !(name in context.unusedAttrNames));
      const values = unused.values.filter((name) => !(name in context.unusedAttrVals));
      known.set(key, { template, names, values });
    }
    return parsed;
  };
  parser[plainly] = parse;
}

/** All that the outcome depends on: of values, their types. */
function keyOf(expression: string, { attrNames = {}, attrVals = {}, isKeyCondition }: Context): string {
  let key = `${isKeyCondition ?? false} ${expression}`;
  for (const name in attrNames) key += `\n${name} ${JSON.stringify(attrNames[name])}`;
  for (const name in attrVals) key += `\n${name} ${Object.keys(attrVals[name]!)[0]}`;
  return key;
}

function recall({ template, names, values }: Remembered, context: Context): unknown {
  for (const name of names) delete context.unusedAttrNames[name];
  for (const name of values) delete context.unusedAttrVals[name];
  return fromTemplate(template, context.attrVals ?? {});
}

function toTemplate(parsed: unknown, names: ReadonlyMap<object, string>): unknown {
  if (typeof parsed !== 'object' || parsed === null) return parsed;
  const name = names.get(parsed);
  return name === undefined ? copied(parsed, (part) => toTemplate(part, names)) : new ValueOf(name);
}

/** New each time: whoever asked writes into it. */
function fromTemplate(template: unknown, values: Readonly<Record<string, object>>): unknown {
  if (typeof template !== 'object' || template === null) return template;
  return template instanceof ValueOf ? values[template.name] : copied(template, (part) => fromTemplate(part, values));
}

function copied(whole: object, copy: (part: unknown) => unknown): object {
  if (Array.isArray(whole)) return whole.map(copy);
  const result = Object.create(Object.getPrototypeOf(whole)) as Record<string, unknown>;
  for (const name in whole) result[name] = copy((whole as Record<string, unknown>)[name]);
  return result;
}
