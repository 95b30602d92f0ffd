import { describe, expect, it } from '@jest/globals';
import { cacheParsed, type ExpressionParser, uncachedParse } from '../../local/dynamodb/parsed-expressions';

interface Values {
  readonly [name: string]: object;
}

/** Returns an original parser of dynalite; a cloud of this process may have wrapped it before. */
function freshParser(name: string): ExpressionParser {
  const parser = require(`dynalite/db/${name}`) as ExpressionParser & { [uncachedParse]?: ExpressionParser['parse'] };
  return { parse: parser[uncachedParse] ?? parser.parse };
}

const isReserved = () => false;
const compare = (_comparison: string, one: { N: string }, other: { N: string }) => Number(one.N) > Number(other.N);

function contextOf(attrVals: Values, attrNames: Record<string, string> = {}) {
  const unused = (names: object) => Object.fromEntries(Object.keys(names).map((name) => [name, true as const]));
  return {
    attrVals,
    attrNames,
    unusedAttrVals: unused(attrVals),
    unusedAttrNames: unused(attrNames),
    isReserved,
    compare,
  };
}

const plain = { condition: freshParser('conditionParser'), update: freshParser('updateParser') };
const remembering = { condition: freshParser('conditionParser'), update: freshParser('updateParser') };
/** Number of calls of the original parser. */
let parsed = 0;

for (const parser of Object.values(remembering)) {
  const { parse } = parser;
  parser.parse = (...asked) => {
    parsed += 1;
    return parse(...asked);
  };
  cacheParsed(parser);
}

function bothWays(kind: keyof typeof plain, expression: string, values: Values, names: Record<string, string> = {}) {
  const contexts = [contextOf(values, names), contextOf(values, names)] as const;
  const results = [
    plain[kind].parse(expression, { context: contexts[0] }),
    remembering[kind].parse(expression, { context: contexts[1] }),
  ];
  return { results, contexts };
}

describe('parsed expressions', () => {
  it.each<['condition' | 'update', string, Values, Record<string, string>?]>([
    [
      'condition',
      'id = :id AND (attribute_not_exists(v) OR v <= :newest)',
      { ':id': { S: 'x' }, ':newest': { N: '1' } },
    ],
    ['condition', 'attribute_not_exists(tail) OR #n < :n', { ':n': { N: '3' } }, { '#n': 'number' }],
    ['condition', 'id = :id AND begins_with(sort, :prefix)', { ':id': { S: 'x' }, ':prefix': { S: 'o' } }],
    ['condition', 'size(list) IN (:one, :two)', { ':one': { N: '1' }, ':two': { N: '2' } }],
    [
      'update',
      'SET a = :a, b.c[1] = if_not_exists(b, :b) REMOVE d ADD e :e',
      { ':a': { S: 'x' }, ':b': { N: '1' }, ':e': { N: '2' } },
    ],
    [
      'update',
      'SET #l = list_append(#l, :more) DELETE s :s',
      { ':more': { L: [] }, ':s': { SS: ['y'] } },
      { '#l': 'list' },
    ],
  ])('are the same from memory: %s %s', (kind, expression, values, names = {}) => {
    bothWays(kind, expression, values, names);
    const before = parsed;
    const others = Object.fromEntries(
      Object.keys(values).map((name) => [name, { ...(values[name as never] as object) }]),
    );
    const { results, contexts } = bothWays(kind, expression, others, names);
    expect(parsed).toBe(before);
    expect(results[1]).toEqual(results[0]);
    expect(contexts[1]).toEqual(contexts[0]);
  });

  it('are at most a thousand', () => {
    const parser = freshParser('conditionParser');
    let asked = 0;
    const parse = parser.parse;
    parser.parse = (...parts) => {
      asked += 1;
      return parse(...parts);
    };
    cacheParsed(parser);
    const ask = (name: number) => parser.parse(`a${name} = :a`, { context: contextOf({ ':a': { S: 'x' } }) });
    for (let name = 1; name <= 1001; name++) ask(name);
    ask(1000);
    expect(asked).toBe(1001);
    expect([ask(1001), ask(1001)]).toMatchObject([{ expression: { type: '=' } }, { expression: { type: '=' } }]);
    expect(asked).toBe(1003);
  });

  it('have the values of each request', () => {
    const ask = (value: string) =>
      remembering.condition.parse('a = :a', { context: contextOf({ ':a': { S: value } }) });
    expect([ask('one'), ask('two')]).toMatchObject([
      { expression: { args: [['a'], { S: 'one' }] } },
      { expression: { args: [['a'], { S: 'two' }] } },
    ]);
  });

  it('may be written into', () => {
    const ask = () => remembering.update.parse('SET a = :a', { context: contextOf({ ':a': { S: 'x' } }) });
    const first = ask() as { sections: { val: unknown }[] };
    first.sections[0]!.val = 'resolved';
    const second = ask() as typeof first;
    second.sections[0]!.val = 'resolved';
    expect(ask()).toMatchObject({ sections: [{ val: { S: 'x' } }] });
  });

  it('leave names and values that are not used', () => {
    const context = () => contextOf({ ':a': { S: 'x' }, ':b': { S: 'y' } }, { '#c': 'c' });
    remembering.condition.parse('z = :a', { context: context() });
    const again = context();
    remembering.condition.parse('z = :a', { context: again });
    expect(again).toMatchObject({ unusedAttrVals: { ':b': true }, unusedAttrNames: { '#c': true } });
  });

  it.each([
    ['of another type', 'begins_with(a, :x)', { ':x': { S: 's' } }, { ':x': { N: '1' } }],
    ['that are missing', 'a = :y', { ':y': { S: 's' } }, {}],
    [
      'out of order',
      'a BETWEEN :low AND :high',
      { ':low': { N: '1' }, ':high': { N: '2' } },
      { ':low': { N: '3' }, ':high': { N: '2' } },
    ],
    ['that name no type', 'attribute_type(a, :t)', { ':t': { S: 'N' } }, { ':t': { S: 'nonsense' } }],
  ])('are not taken from memory for values %s', (_case, expression, right: Values, wrong: Values) => {
    bothWays('condition', expression, right);
    const { results } = bothWays('condition', expression, wrong);
    expect(results[1]).toBe(results[0]);
    expect(typeof results[1]).toBe('string');
  });

  it('marks all names that an expression uses, though another one of the first request had used them before', () => {
    const values = { ':same': { S: 'x' } };
    const first = contextOf(values);
    remembering.update.parse('SET a = :same', { context: first });
    remembering.condition.parse('b = :same', { context: first });
    const second = contextOf(values);
    remembering.condition.parse('b = :same', { context: second });

    expect(second.unusedAttrVals).toEqual({});
  });
});
