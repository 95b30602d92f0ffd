import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { readAccess, unpackAccess } from '../../lambdas/access/read-access';
import { type FunctionName, functions } from '../../lambdas/deployment';
import { accessVariableOf, configurationBudget } from '../../lib/access-variable';
import { constructId } from '../../lib/by-name';
import { thrownBy } from '../support/thrown-by';
import { bridgeFile, resourcesOf, synthesize } from './synthesize';

const folder = mkdtempSync(join(tmpdir(), 'cirrus-stack-'));
const path = join(folder, 'access.json');
afterAll(() => rmSync(folder, { recursive: true }));

function write(access: unknown): string {
  writeFileSync(path, JSON.stringify(access));
  return path;
}

/** As many rules as asked for; they differ in what does not compress. */
function rulesOf(count: number) {
  return Array.from({ length: count }, (_, index) => ({
    actions: ['publish'],
    topics: [
      `${Math.sin(index + 1)
        .toString(36)
        .slice(3)}/#`,
    ],
  }));
}

describe('the access configuration of the stack', () => {
  const wanted = { anonymous: 'by-rules', rules: [{ actions: ['subscribe'], topics: ['news/#'] }] };

  it.each(Object.keys(functions) as FunctionName[])('reaches %s if that decides by it', (name) => {
    const lambdas = resourcesOf(
      synthesize({ accessFile: write(wanted), bridgeFile, sysTopicsMinutes: 1 }),
      'AWS::Lambda::Function',
    );
    const { ACCESS: packed } = lambdas[`${constructId(name)}Function`]!.Properties.Environment.Variables;

    if (functions[name].access) expect(unpackAccess(packed)).toEqual(readAccess(wanted));
    else expect(packed).toBeUndefined();
  });

  it('lets in users of the accounts table and nobody else without a file', () => {
    const lambdas = resourcesOf(synthesize(), 'AWS::Lambda::Function');
    const { ACCESS: packed } = lambdas.OnPacketsFunction!.Properties.Environment.Variables;

    expect(unpackAccess(packed)).toEqual({
      anonymous: 'off',
      users: true,
      issuers: [],
      handshake: 'optional',
      rules: [],
    });
  });

  it('is found from where the program runs, which for the CDK is the folder of cdk.json', () => {
    const file = relative(process.cwd(), write(wanted));

    expect(accessVariableOf(file)).toEqual(accessVariableOf(path));
  });

  it('stops the synthesis when it is wrong, and says in which file and where', () => {
    const accessFile = write({ ...wanted, rules: [{ actions: ['subscribe'], topics: ['news#'] }] });

    expect(() => synthesize({ accessFile })).toThrow(
      `${path}.rules[0].topics[0] is "news#", but must be a topic filter`,
    );
    expect(() => synthesize({ accessFile: join(folder, 'nowhere.json') })).toThrow(
      `${folder}/nowhere.json cannot be read: ENOENT`,
    );
  });

  it('stops the synthesis when functions have no room for it, and says what to do', () => {
    expect(accessVariableOf(write({ rules: rulesOf(80) })).ACCESS!.length).toBeLessThanOrEqual(configurationBudget);

    const { message } = thrownBy(() => synthesize({ accessFile: write({ rules: rulesOf(400) }) })) as Error;

    expect(message).toMatch(
      /^\S+access\.json is \d{4} bytes when packed, but the environment of the functions has room for 2500; move rules into/,
    );
  });

  it('leaves room in the 4 KB of Lambda for everything else that a function is given', () => {
    const lambdas = resourcesOf(synthesize({ brokerName: 'n'.repeat(40) }), 'AWS::Lambda::Function');
    const { ACCESS: _, ...others } = lambdas.OnPacketsFunction!.Properties.Environment.Variables;

    const longest = Object.entries(others).map(([name, value]) => name.length + lengthOf(name, value));

    expect(longest.reduce((sum, length) => sum + length, 'ACCESS'.length)).toBeLessThanOrEqual(
      4096 - configurationBudget,
    );
  });
});

/** Of a value that CloudFormation makes, what it may have at most. */
function lengthOf(name: string, value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (name === 'CALLBACK_URL') return 'https://0123456789.execute-api.ap-southeast-1.amazonaws.com/mqtt'.length;
  const generated = 'n'.repeat(40).length + '-TablesConnections01234567-0123456789ABC'.length;
  return name.endsWith('_URL') ? 'https://sqs.ap-southeast-1.amazonaws.com/012345678901/'.length + 80 : generated;
}
