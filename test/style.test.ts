import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parseSync } from '@swc/core';

const root = join(__dirname, '..');
const folders = ['lambdas', 'lib', 'local', 'clients', 'cli', 'bin'];

interface Node {
  readonly type?: string;
  readonly [field: string]: unknown;
}

interface SourceFile {
  readonly path: string;
  readonly text: string;
}

const sources: readonly SourceFile[] = folders.flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /(?<!\.d)\.tsx?$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path: relative(root, path), text: readFileSync(path, 'utf8') })),
);

/** Calls `see` for every node of the syntax tree of a source. */
function walk(text: string, see: (node: Node) => void): void {
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if (!Array.isArray(value)) see(value as Node);
    for (const child of Object.values(value)) visit(child);
  };
  visit(parseSync(text, { syntax: 'typescript', tsx: false }));
}

/** The patterns of a function's parameters; undefined for a node that is no function. */
function parametersOf(node: Node): Node[] | undefined {
  const holder = node.type === 'ClassMethod' || node.type === 'MethodProperty' ? (node.function ?? node) : node;
  const functions = [
    'FunctionDeclaration',
    'FunctionExpression',
    'ArrowFunctionExpression',
    'ClassMethod',
    'MethodProperty',
    'Constructor',
  ];
  if (!functions.includes(node.type ?? '')) return undefined;
  const params = ((holder as Node).params ?? []) as Node[];
  return params.map((param) => (param.pat ?? param.param ?? param) as Node).filter(({ value }) => value !== 'this');
}

/** True for a positional parameter of type boolean, written or by its default. */
function isBareBoolean(pattern: Node): boolean {
  const { left, right } = pattern as { readonly left?: Node; readonly right?: Node };
  if (pattern.type === 'AssignmentPattern') return right?.type === 'BooleanLiteral' || isBareBoolean(left ?? {});
  const annotation = (pattern.typeAnnotation as Node | undefined)?.typeAnnotation as Node | undefined;
  return annotation?.type === 'TsKeywordType' && annotation.kind === 'boolean';
}

function isSpreadOfThis(node: Node): boolean {
  return node.type === 'SpreadElement' && (node.arguments as Node | undefined)?.type === 'ThisExpression';
}

/** What a source has of each kind of fault. */
function faultsIn(text: string): { manyParameters: number; bareBooleans: number; spreadsOfThis: number } {
  const faults = { manyParameters: 0, bareBooleans: 0, spreadsOfThis: 0 };
  walk(text, (node) => {
    const parameters = parametersOf(node);
    if (parameters && parameters.length > 3) faults.manyParameters += 1;
    if (parameters?.some(isBareBoolean)) faults.bareBooleans += 1;
    if (isSpreadOfThis(node)) faults.spreadsOfThis += 1;
  });
  return faults;
}

/** Functions whose boolean is the value that they convert, or whose signature is that of the DOM. */
const exempt: readonly string[] = [
  'lambdas/storage/attributes.ts: bareBooleans 1', // flag(value)
  'lambdas/protocol/codec/property-block.ts: bareBooleans 1', // the format of a boolean property
  'clients/socket-events.ts: bareBooleans 1', // addEventListener
];

describe('functions', () => {
  it('take at most three positional parameters, and no bare boolean; no object spreads `this`', () => {
    const faulty = sources.flatMap(({ path, text }) => {
      const faults = Object.entries(faultsIn(text)).filter(([, count]) => count > 0);
      return faults.map(([kind, count]) => `${path}: ${kind} ${count}`);
    });

    expect(faulty.filter((fault) => !exempt.includes(fault))).toEqual([]);
  });

  it.each([
    ['function f(a, b, c, d) {}', { manyParameters: 1, bareBooleans: 0, spreadsOfThis: 0 }],
    ['class A { constructor(private a: B, b, c, d) {} m(a, b, c, d) {} }', { manyParameters: 2 }],
    ['const f = (a: string, b: boolean) => a;', { bareBooleans: 1 }],
    ['function f(a = true) {}', { bareBooleans: 1 }],
    ['class A { m() { return { ...this }; } }', { spreadsOfThis: 1 }],
    ['function f(a, b, { c, d }: { c: boolean; d: number }) {}', { manyParameters: 0, bareBooleans: 0 }],
  ])('are examined in %s', (text, faults) => {
    expect(faultsIn(text)).toMatchObject(faults);
  });
});

/** Openings of a relative clause that stands for the subject of a sentence. */
const bareClause =
  /^(what|who|whose|whom|where|when|which|how|why|whether|of|in which|by which|from which|for which|to which|that|whoever|whatever|wherever)\b/i;

/** First words of every doc comment. */
function openings(text: string): string[] {
  return [...text.matchAll(/\/\*\*([\s\S]*?)\*\//g)].map(([, comment = '']) =>
    comment
      .replace(/^\s*\*/gm, '')
      .trim()
      .slice(0, 60),
  );
}

describe('doc comments', () => {
  it('begin with a verb or the subject: at most one in a hundred with a bare relative clause', () => {
    const all = sources.flatMap(({ path, text }) => openings(text).map((opening) => ({ path, opening })));
    const bare = all.filter(({ opening }) => bareClause.test(opening));

    expect(all.length).toBeGreaterThan(2000);
    expect(bare.length <= all.length / 100 ? [] : bare.map(({ path, opening }) => `${path}: ${opening}`)).toEqual([]);
  });

  it('show their openings', () => {
    expect(openings('/** What it is. */ const a = 1;\n/**\n * Returns a.\n */')).toEqual(['What it is.', 'Returns a.']);
  });
});
