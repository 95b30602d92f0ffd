import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { documentFile, writtenDocument } from './document';
import { type Clause, readLedger, readOpen, sources, unproved } from './ledger';
import reasons3 from './reasons-3.json';
import reasons5 from './reasons-5.json';

const ledger = readLedger();
const all = Object.values(ledger).flat();
const byName = new Map(all.map((clause) => [clause.name, clause]));

describe('the ledger of clauses', () => {
  it('has every numbered statement of the specifications, in their order', () => {
    expect(ledger['3.1.1']).toHaveLength(141);
    expect(ledger['5.0']).toHaveLength(251);
    for (const clauses of Object.values(ledger)) {
      expect(clauses.map(numbers)).toEqual(clauses.map(numbers).sort(byNumber));
    }
  });

  it('contains each clause that code, tests and their comments name', () => {
    const named = ['bin', 'bench', 'clients', 'lambdas', 'lib', 'local', 'test']
      .flatMap((folder) => sources(folder, /\.(ts|json)$/))
      .flatMap(({ path, text }) => [...text.matchAll(/(?:v3 )?MQTT-[\d.]+-\d+/g)].map(([name]) => ({ path, name })));

    expect(named.length).toBeGreaterThan(300);
    expect(named.filter(({ name }) => !byName.has(name))).toEqual([]);
  });

  it('has a test or a reason for each clause of MQTT 3.1.1 that binds the server', () => {
    expect(unproved(ledger['3.1.1'])).toEqual([]);
  });

  it('lists exactly the clauses of MQTT 5.0 without a test or a reason as open', () => {
    expect(unproved(ledger['5.0'])).toEqual(readOpen());
  });

  it('has reasons only for clauses that bind the server and have no test', () => {
    const given = [...Object.keys(reasons3).map((id) => `v3 ${id}`), ...Object.keys(reasons5)];
    const needed = all.filter(({ binds, proofs }) => binds !== 'client' && proofs.length === 0).map(({ name }) => name);

    expect(given.filter((name) => !needed.includes(name))).toEqual([]);
  });

  it('marks the same clauses as not met as the heads of test files', () => {
    const heads = sources('test', /\.test\.ts$/).flatMap(({ text }) => text.match(/^ \* Not met: .*/gm) ?? []);
    const names = heads.flatMap((line) => [...line.matchAll(/(?:v3 )?MQTT-[\d.]+-\d+/g)].map(([name]) => name));

    expect(names.length).toBeGreaterThan(0);
    expect(names.filter((name) => byName.get(name)?.reason?.kind !== 'not met')).toEqual([]);
  });
});

describe('docs/conformance.md', () => {
  it('is equal to the output of npm run conformance', () => {
    expect(readFileSync(documentFile, 'utf8')).toBe(writtenDocument(ledger));
  });
});

function numbers({ id }: Clause): number[] {
  return (id.match(/\d+/g) ?? []).map(Number);
}

function byNumber(one: number[], other: number[]): number {
  const index = one.findIndex((number, place) => number !== other[place]);
  return (one[index] ?? 0) - (other[index] ?? 0);
}
