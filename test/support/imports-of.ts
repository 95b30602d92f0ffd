import { parseSync } from '@swc/core';

/** Returns every module that a TypeScript source imports: by import, re-export, `import()`, `require()` or a type import. */
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

/** Returns the module that a syntax node imports; `(computed)` if it is known only at run time. */
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

/** True for `import(…)`, `require(…)` and `require.resolve(…)`. */
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
