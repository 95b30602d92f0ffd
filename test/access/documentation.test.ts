import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readAccess } from '../../lambdas/access/read-access';
import { codeBlocks, tableRows } from '../support/markdown';
import { thrownBy } from '../support/thrown-by';

const document = readFileSync(join(__dirname, '../../docs/access.md'), 'utf8');

const issuer = { issuer: 'https://login.example', audience: ['app'] };
const rule = { actions: ['publish'], topics: ['a'] };

/** Objects of the file: a function that writes one with a given value, and its defaults. */
const objects = [
  { path: 'access', prefix: '', write: (value: object) => value, standard: readAccess({}) },
  {
    path: 'access.issuers[0]',
    prefix: '',
    write: (value: object) => ({ issuers: [{ ...issuer, ...value }] }),
    standard: { ...readAccess({ issuers: [issuer] }).issuers[0], issuer: undefined, audience: undefined },
  },
  { path: 'access.rules[0]', prefix: '', write: (value: object) => ({ rules: [{ ...rule, ...value }] }) },
  { path: 'access.rules[0].who', prefix: 'who.', write: (who: object) => ({ rules: [{ ...rule, who }] }) },
];

describe('docs/access.md', () => {
  it('lists every key with its default and the allowed values of the code', () => {
    const documented = tableRows(document)
      .filter(([name]) => name?.startsWith('`'))
      .map(([name = '', standard = '', allowed = '']) => [bare(name), bare(standard), allowed]);

    expect(documented.map(([name, , allowed]) => [name, allowed])).toEqual(
      objects.flatMap(({ path, prefix, write }) =>
        keysOf(path, write).map((key) => [prefix + key, allowedAt(`${path}.${key}`, key, write)]),
      ),
    );
    const standards = objects.flatMap(({ path, write, standard }) =>
      standard === undefined ? [] : keysOf(path, write).map((key) => shown((standard as Record<string, unknown>)[key])),
    );
    expect(documented.slice(0, standards.length).map(([, standard]) => standard)).toEqual(standards);
  });

  it('contains valid files', () => {
    const files = codeBlocks(document).filter(({ language }) => language === 'json');

    expect(files.length).toBeGreaterThan(2);
    for (const { code } of files) expect(() => readAccess(JSON.parse(code))).not.toThrow();
  });
});

type Write = (value: object) => unknown;

/** Returns the keys of an object from the error about an unknown key. */
function keysOf(path: string, write: Write): string[] {
  const [, keys = ''] = /^a key of \S+ is "other", but must be one of (.*)$/.exec(problem(write({ other: 1 }))) ?? [];
  expect(problem(write({ other: 1 }))).toContain(`a key of ${path} is`);
  return keys.split(', ');
}

/** Returns the allowed values of a place from the error about a wrong value. An address has to be a text first. */
function allowedAt(place: string, key: string, write: Write): string {
  const wrong = ['issuer', 'jwksUri'].includes(key) ? 'http://elsewhere.example' : -1;
  const [said = '', allowed = ''] = problem(write({ [key]: wrong })).split(', but must be ');
  expect(said).toBe(`${place} is ${JSON.stringify(wrong)}`);
  return allowed;
}

function problem(access: unknown): string {
  return (thrownBy(() => readAccess(access)) as Error).message;
}

function bare(cell: string): string {
  return cell.replaceAll('`', '');
}

function shown(value: unknown): string {
  if (value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

it('README.md shows a valid file', () => {
  const readme = readFileSync(join(__dirname, '../../README.md'), 'utf8');
  const files = codeBlocks(readme).filter(({ code }) => code.includes('"issuers"'));

  expect(files).toHaveLength(1);
  expect(readAccess(JSON.parse(files[0]?.code ?? '')).issuers).toHaveLength(1);
});
