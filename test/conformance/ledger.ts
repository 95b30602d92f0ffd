import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import clauses3 from './clauses-3.json';
import clauses5 from './clauses-5.json';
import reasons3 from './reasons-3.json';
import reasons5 from './reasons-5.json';

const root = join(__dirname, '../..');

/** Clauses of MQTT 5.0 without a test or a reason, one per line. */
export const openFile = join(__dirname, 'open-5.txt');

export type Version = '3.1.1' | '5.0';

/** `moot`: the case does not occur in this broker. `argued`: the clause holds by construction, so that no test could fail. */
export interface Reason {
  readonly kind: 'not met' | 'moot' | 'argued';
  readonly why: string;
}

/** A normative statement of the specification, with its tests or its reason. */
export interface Clause {
  readonly id: string;
  /** Id of the clause in tests. */
  readonly name: string;
  readonly binds: 'server' | 'client' | 'both';
  readonly says: string;
  /** Files below `test/` with tests that name the clause. */
  readonly proofs: readonly string[];
  readonly reason: Reason | undefined;
}

export type Ledger = Readonly<Record<Version, readonly Clause[]>>;

export function readLedger(): Ledger {
  const proofs = readProofs();
  return {
    '3.1.1': clausesOf(clauses3, reasons3, (id) => `v3 ${id}`, proofs),
    '5.0': clausesOf(clauses5, reasons5, (id) => id, proofs),
  };
}

export function readOpen(): string[] {
  return readFileSync(openFile, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
}

/** Returns the clauses for servers that have neither a test nor a reason. */
export function unproved(clauses: readonly Clause[]): string[] {
  const open = clauses.filter(({ binds, proofs, reason }) => binds !== 'client' && proofs.length === 0 && !reason);
  return open.map(({ id }) => id);
}

function clausesOf(
  statements: Record<string, string>,
  reasons: Record<string, string>,
  nameOf: (id: string) => string,
  proofs: ReadonlyMap<string, string[]>,
): Clause[] {
  return Object.entries(statements).map(([id, text]) => {
    const [binds, says] = labelled(text, /^(server|client|both): (.+)$/);
    const given = reasons[id];
    const [kind, why] = given === undefined ? [] : labelled(given, /^(not met|moot|argued): (.+)$/);
    return {
      id,
      name: nameOf(id),
      binds: binds as Clause['binds'],
      says,
      proofs: proofs.get(nameOf(id)) ?? [],
      reason: kind === undefined ? undefined : { kind: kind as Reason['kind'], why: why ?? '' },
    };
  });
}

function labelled(text: string, form: RegExp): [label: string, rest: string] {
  const [, label, rest] = form.exec(text) ?? [];
  if (label === undefined || rest === undefined) throw new Error(`${text} is not of the form ${form}`);
  return [label, rest];
}

/** Finds the test files that name a clause: alone in quotes, as in `clause` and tables of vectors, or in brackets in a title. */
function readProofs(): Map<string, string[]> {
  const proofs = new Map<string, string[]>();
  for (const { path, text } of sources('test', /\.test\.ts$|\.json$/)) {
    const named = withoutComments(text).matchAll(/['"`[]((?:v3 )?MQTT-[\d.]+-\d+)['"`\]]/g);
    for (const name of new Set([...named].map(([, name = '']) => name))) {
      proofs.set(name, [...(proofs.get(name) ?? []), path.replace('test/', '')]);
    }
  }
  return proofs;
}

/** Removes comments, because they name clauses that are proved elsewhere or not at all. */
function withoutComments(text: string): string {
  const lines = text.split('\n').filter((line) => !/^\s*(\/?\*|\/\/)/.test(line));
  return lines.map((line) => line.replace(/ \/\/ .*/, '')).join('\n');
}

/** Reads the files of a folder of the project by name, without those of the ledger itself. */
export function sources(folder: string, kind: RegExp): { path: string; text: string }[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => kind.test(path) && !path.startsWith('test/conformance/'))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
}
