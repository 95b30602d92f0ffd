import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { functions } from '../../lambdas/deployment';
import { bundlingOptions } from '../../lib/bundling';
import { constructId } from '../../lib/by-name';
import packageJson from '../../package.json';
import { deployedNode, remarkOn } from '../support/node-version';
import { bridgeFile, resourcesOf, synthesize } from './synthesize';

const root = join(__dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

describe('the version of Node that developers and CI use (.nvmrc)', () => {
  it('is the runtime of every function of the stack', () => {
    const deployed = resourcesOf(synthesize({ sysTopicsMinutes: 5, bridgeFile }), 'AWS::Lambda::Function');
    const runtimes = Object.keys(functions).map((name) => deployed[`${constructId(name)}Function`]?.Properties.Runtime);

    expect(new Set(runtimes)).toEqual(new Set([`nodejs${deployedNode}.x`]));
  });

  it('is the target of their bundles', () => {
    expect(bundlingOptions({ awsClients: 'lean' }).target).toBe(`node${deployedNode}`);
  });

  it('is the version in the container of the adapter', () => {
    expect(read('clients/adapter.Dockerfile')).toContain(`\nFROM node:${deployedNode}-alpine\n`);
  });

  it('is the version that .ci/run tests on, followed by the oldest of package.json', () => {
    const versions = execFileSync(join(root, '.ci/run'), ['--versions'], { encoding: 'utf8' });

    expect(versions).toBe(`deployed ${deployedNode}\noldest ${oldest}\n`);
  });
});

/** `^20.19.0 || >=22.12.0` */
const oldest = /\d+\.\d+\.\d+/.exec(packageJson.engines.node)?.[0] ?? '';

describe('the oldest supported version of Node (package.json)', () => {
  const [major] = oldest.split('.');

  it('is the build target of everything that does not run in Lambda', () => {
    const targets = [JSON.stringify(packageJson.scripts), read('local/bundles.ts')].join().matchAll(/\bnode\d+\b/g);

    expect(new Set([...targets].map(([target]) => target))).toEqual(new Set([`node${major}`]));
  });

  it('is the version of @types/node, so that newer APIs do not compile', () => {
    expect(packageJson.devDependencies['@types/node']).toMatch(new RegExp(`^\\^${major}\\.`));
  });

  it.each(['README.md', 'CONTRIBUTING.md'])('is named in %s', (path) => {
    expect(read(path)).toContain(`Node ${oldest.replace(/\.0$/, '')}`);
  });
});

describe('tests that run on another version of Node', () => {
  it('warn developers, and run', () => {
    expect(remarkOn('20.20.2', undefined)).toMatch(new RegExp(`20\\.20\\.2.*\\b${deployedNode}\\b`));
    expect(remarkOn(`${deployedNode}.1.2`, undefined)).toBeUndefined();
  });

  it('fail where CI demands one', () => {
    expect(() => remarkOn('20.20.2', '24')).toThrow(/\b24\b.*20\.20\.2/);
    expect(() => remarkOn('2.4.0', '24')).toThrow(/\b24\b/);
    expect(remarkOn('24.21.0', '24')).toBeUndefined();
    expect(remarkOn('20.19.0', '20.19.0')).toBeUndefined();
  });
});
