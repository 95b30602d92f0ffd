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
interface CachedExpression {
  readonly template: unknown;
  readonly names: readonly string[];
  readonly values: readonly string[];
}

/** In a template: the value of this name. */
class ValueOf {
  constructor(readonly name: string) {}
}

/** Under which a parser keeps what it did before. */
export const uncachedParse = Symbol.for('cirrus-mqtt.plainly');

/** Expressions are constants of the program, or nearly so. */
const capacity = 1000;

/** What the parser says of these depends on the values themselves. */
const valueDependent = /\bBETWEEN\b|\battribute_type\b/i;

/**
 * Lets a parser remember what it has parsed: it takes a quarter of all that DynamoDB costs here, and is asked the same few
 * questions for ever. An error is never remembered, as it names values.
 */
export function cacheParsed(parser: ExpressionParser & { [uncachedParse]?: ExpressionParser['parse'] }): void {
  if (parser[uncachedParse]) return;
  const parse = parser.parse;
  const known = new Map<string, CachedExpression>();
  parser.parse = (expression, { context }) => {
    const key = keyOf(expression, context);
    const remembered = known.get(key);
    if (remembered) return fromCache(remembered, context);
    const { attrNames = {}, attrVals = {} } = context;
    // As if no other expression of the same request had been parsed, which would have taken the names that it uses.
    const alone = { ...context, unusedAttrNames: allOf(attrNames), unusedAttrVals: allOf(attrVals) };
    const parsed = parse(expression, { context: alone });
    const names = Object.keys(attrNames).filter((name) => !(name in alone.unusedAttrNames));
    const values = Object.keys(attrVals).filter((name) => !(name in alone.unusedAttrVals));
    if (typeof parsed === 'object' && known.size < capacity && !valueDependent.test(expression)) {
      const template = toTemplate(parsed, new Map(Object.entries(attrVals).map(([name, value]) => [value, name])));
      known.set(key, { template, names, values });
    }
    markUsed({ names, values }, context);
    return parsed;
  };
  parser[uncachedParse] = parse;
}

/** All that the outcome depends on: of values, their types. */
function keyOf(expression: string, { attrNames = {}, attrVals = {}, isKeyCondition }: Context): string {
  let key = `${isKeyCondition ?? false} ${expression}`;
  for (const name in attrNames) key += `\n${name} ${JSON.stringify(attrNames[name])}`;
  for (const name in attrVals) key += `\n${name} ${Object.keys(attrVals[name]!)[0]}`;
  return key;
}

function fromCache({ template, ...used }: CachedExpression, context: Context): unknown {
  markUsed(used, context);
  return fromTemplate(template, context.attrVals ?? {});
}

function allOf(names: Readonly<Record<string, unknown>>): Record<string, true> {
  return Object.fromEntries(Object.keys(names).map((name) => [name, true]));
}

/** Tells the caller which names and values an expression uses. */
function markUsed({ names, values }: Pick<CachedExpression, 'names' | 'values'>, context: Context): void {
  for (const name of names) delete context.unusedAttrNames[name];
  for (const name of values) delete context.unusedAttrVals[name];
}

function toTemplate(parsed: unknown, names: ReadonlyMap<object, string>): unknown {
  if (typeof parsed !== 'object' || parsed === null) return parsed;
  const name = names.get(parsed);
  return name === undefined ? mapParts(parsed, (part) => toTemplate(part, names)) : new ValueOf(name);
}

/** New each time: whoever asked writes into it. */
function fromTemplate(template: unknown, values: Readonly<Record<string, object>>): unknown {
  if (typeof template !== 'object' || template === null) return template;
  return template instanceof ValueOf ? values[template.name] : mapParts(template, (part) => fromTemplate(part, values));
}

function mapParts(whole: object, copy: (part: unknown) => unknown): object {
  if (Array.isArray(whole)) return whole.map(copy);
  const result = Object.create(Object.getPrototypeOf(whole)) as Record<string, unknown>;
  for (const name in whole) result[name] = copy((whole as Record<string, unknown>)[name]);
  return result;
}
