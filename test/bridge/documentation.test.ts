import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readBridge } from '../../lambdas/bridge/read-bridge';
import { codeBlocks, tableRows } from '../support/markdown';
import { thrownBy } from '../support/thrown-by';

const document = readFileSync(join(__dirname, '../../docs/bridge.md'), 'utf8');
const entry = { direction: 'out', filter: 'a' };

describe('docs/bridge.md', () => {
  it('lists every key of an entry with its default and the allowed values of the code', () => {
    const { direction: _direction, filter: _filter, ...standard } = readBridge({ entries: [entry] }).entries[0]!;
    const defaults: Record<string, unknown> = standard;
    const documented = tableRows(document)
      .filter(([name]) => name?.startsWith('`'))
      .map(([name = '', value = '', allowed = '']) => [bare(name), bare(value), allowed]);

    expect(documented).toEqual(keys().map((key) => [key, String(defaults[key] ?? ''), allowedFor(key)]));
  });

  it('contains valid files', () => {
    const files = codeBlocks(document).filter(({ language }) => language === 'json');

    expect(files).toHaveLength(1);
    for (const { code } of files) expect(() => readBridge(JSON.parse(code))).not.toThrow();
  });
});

function keys(): string[] {
  const [, names = ''] = /but must be one of (.*)$/.exec(problem({ other: 1 })) ?? [];
  return names.split(', ');
}

function allowedFor(key: string): string {
  return problem({ [key]: -1 }).split(', but must be ')[1] ?? '';
}

function problem(fields: object): string {
  return (thrownBy(() => readBridge({ entries: [{ ...entry, ...fields }] })) as Error).message;
}

function bare(cell: string): string {
  return cell.replaceAll('`', '');
}
