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

/** Returns rules with random content, which does not compress. */
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

  it.each(Object.keys(functions) as FunctionName[])(
    'is in the environment of %s only if that function reads it',
    (name) => {
      const lambdas = resourcesOf(
        synthesize({ accessFile: write(wanted), bridgeFile, sysTopicsMinutes: 1 }),
        'AWS::Lambda::Function',
      );
      const { ACCESS: packed } = lambdas[`${constructId(name)}Function`]!.Properties.Environment.Variables;

      if (functions[name].access) expect(unpackAccess(packed)).toEqual(readAccess(wanted));
      else expect(packed).toBeUndefined();
    },
  );

  it('allows only users of the accounts table without a file', () => {
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

  it('is resolved relative to the working directory, which for the CDK is the folder of cdk.json', () => {
    const file = relative(process.cwd(), write(wanted));

    expect(accessVariableOf(file)).toEqual(accessVariableOf(path));
  });

  it('fails the synthesis if it is invalid, and names the file and the position', () => {
    const accessFile = write({ ...wanted, rules: [{ actions: ['subscribe'], topics: ['news#'] }] });

    expect(() => synthesize({ accessFile })).toThrow(`${path}.rules[0].topics[0]`);
    expect(() => synthesize({ accessFile: join(folder, 'nowhere.json') })).toThrow(`${folder}/nowhere.json`);
  });

  it('fails the synthesis if it does not fit into the environment of functions', () => {
    expect(accessVariableOf(write({ rules: rulesOf(80) })).ACCESS!.length).toBeLessThanOrEqual(configurationBudget);

    const { message } = thrownBy(() => synthesize({ accessFile: write({ rules: rulesOf(400) }) })) as Error;

    expect(message).toMatch(/^\S+access\.json is \d{4} bytes .*\b2500\b/);
  });

  it('leaves enough of the 4 KB that Lambda allows for all other variables', () => {
    const lambdas = resourcesOf(synthesize({ brokerName: 'n'.repeat(40) }), 'AWS::Lambda::Function');
    const { ACCESS: _, ...others } = lambdas.OnPacketsFunction!.Properties.Environment.Variables;

    const longest = Object.entries(others).map(([name, value]) => name.length + lengthOf(name, value));

    expect(longest.reduce((sum, length) => sum + length, 'ACCESS'.length)).toBeLessThanOrEqual(
      4096 - configurationBudget,
    );
  });
});

/** Returns the maximum length of a value, also of one that only CloudFormation knows. */
function lengthOf(name: string, value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (name === 'CALLBACK_URL') return 'https://0123456789.execute-api.ap-southeast-1.amazonaws.com/mqtt'.length;
  const generated = 'n'.repeat(40).length + '-TablesConnections01234567-0123456789ABC'.length;
  return name.endsWith('_URL') ? 'https://sqs.ap-southeast-1.amazonaws.com/012345678901/'.length + 80 : generated;
}
