import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import {
  attacks,
  costsOfAttacks,
  costsOfInsiderFrames,
  highestCosts,
  insiderFrames,
  insiderHour,
  worstHours,
} from '../../bench/attacks';
import type { Cost } from '../../bench/cost';
import { codeSpans, tableRows } from '../support/markdown';

jest.setTimeout(180_000);

const root = join(__dirname, '../..');
const security = readFileSync(join(root, 'docs/security.md'), 'utf8');
const rows = tableRows(security);

/** The cost is at most the documented one and not much less; reads depend on the order of the calls. */
function expectPrice(dollars: number, said: string): void {
  const price = Number(said.replace(/[$,]/g, ''));
  expect(dollars).toBeLessThan(price * 1.05);
  expect(dollars).toBeGreaterThan(price * 0.9);
}

describe('the cost of an attack', () => {
  let costs: Map<string, Cost>;

  beforeAll(async () => {
    costs = await costsOfAttacks();
  });

  it.each(attacks.map(({ name }) => name))('is what docs/security.md says of %s', (name) => {
    const said = rows.find(([first]) => first === name)?.at(-1) ?? '';

    expectPrice((costs.get(name)?.dollars ?? 0) * 1e6, said);
  });

  it('is at most what the text says', () => {
    const { connection, frame } = highestCosts(costs);
    const [, ofConnection = '', ofFrame = ''] =
      /most expensive connection costs (\$[\d.]+).*most expensive frame costs (\$[\d.]+)/s.exec(security) ?? [];

    expectPrice(connection * 1e6, ofConnection);
    expectPrice(frame * 1e6, ofFrame);
  });

  it('is limited per hour, with defaults and other settings, and below $5 with the defaults', () => {
    const hours = [...worstHours(costs).values()];
    expect(hours[0]).toBeLessThan(5);
    const said = rows.slice(rows.findIndex(([first]) => first === 'options') + 2, rows.length).slice(0, hours.length);

    for (const [index, dollars] of hours.entries()) expectPrice(dollars, said[index]?.[1] ?? '');
  });
});

describe('the cost of a frame of an insider', () => {
  let costs: Map<string, Cost>;

  beforeAll(async () => {
    costs = await costsOfInsiderFrames();
  });

  it.each(insiderFrames.map(({ name }) => name))('is what docs/security.md says, alone and for an hour: %s', (name) => {
    const [, ofMillion = '', ofHour = ''] = rows.find(([first]) => first === name) ?? [];
    const cost = costs.get(name);

    if (!cost) throw new Error(`nobody has measured ${name}`);
    expectPrice(cost.dollars * 1e6, ofMillion);
    expectPrice(insiderHour(cost), ofHour);
  });
});

describe('docs/security.md', () => {
  it('names tests that exist', () => {
    const named = codeSpans(security).filter((code) => code.startsWith('test/'));
    const missing = named.filter((path) => !['', '.test.ts'].some((end) => existsSync(join(root, path + end))));

    expect(named.length).toBeGreaterThan(20);
    expect(missing).toEqual([]);
  });

  it('names every event that the functions log, and no other', () => {
    const folder = join(root, 'lambdas');
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
    const sources = files.map((name) => readFileSync(join(folder, name), 'utf8'));
    const logged = sources.flatMap((source) => [...source.matchAll(/\blog\(\s*'([^']+)'/g)].map(([, event]) => event));
    const audit = security.slice(security.indexOf('## Audit log'));
    const ofRows = tableRows(audit).map(([event = '']) => event.replaceAll('`', ''));
    const ofText = codeSpans(audit.slice(audit.indexOf('Other events')));
    const named = [...ofRows.filter((event) => !/^(event|-+)$/.test(event)), ...ofText];

    expect(named.sort()).toEqual([...new Set(logged)].sort());
  });
});
