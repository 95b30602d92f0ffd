import { parseSync } from '@swc/core';

/** Every module a TypeScript source names: imports, re-exports, `import()`, `require()`, and imports of types alone. */
export function importsOf(source: string, tsx = false): string[] {
  const found: string[] = [];
  visit(parseSync(source, { syntax: 'typescript', tsx }), (node) => {
    const specifier = specifierOf(node);
    if (specifier !== undefined) found.push(specifier);
  });
  return found;
}

interface Node {
  readonly type?: string;
  readonly [field: string]: unknown;
}

function visit(value: unknown, see: (node: Node) => void): void {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) see(value as Node);
  for (const child of Object.values(value)) visit(child, see);
}

/** The module a node of the syntax tree names. One that is only known at run time is called by its source: `(computed)`. */
function specifierOf(node: Node): string | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportAllDeclaration':
    case 'ExportNamedDeclaration':
      return literalOf(node.source);
    case 'TsExternalModuleReference':
      return literalOf(node.expression);
    case 'TsImportType':
      return literalOf(node.argument);
    case 'CallExpression':
      return loads(node.callee as Node) ? (literalOf(firstArgument(node)) ?? '(computed)') : undefined;
    default:
      return undefined;
  }
}

/** `import(…)`, `require(…)` and `require.resolve(…)`. */
function loads(callee: Node): boolean {
  if (callee.type === 'Import') return true;
  const called = (callee.type === 'MemberExpression' ? callee.object : callee) as Node;
  return called.type === 'Identifier' && called.value === 'require';
}

function firstArgument(call: Node): unknown {
  const [first] = call.arguments as { expression: unknown }[];
  return first?.expression;
}

function literalOf(node: unknown): string | undefined {
  const { type, value } = (node ?? {}) as Node;
  return type === 'StringLiteral' ? (value as string) : undefined;
}
