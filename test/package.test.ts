import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { buildSync, transformSync } from 'esbuild';
import { bundleOf } from '../bench/bundles';
import type { FunctionName } from '../lambdas/deployment';
import { codeBlocks, shellLines, tableRows } from './support/markdown';

jest.setTimeout(180_000);

const root = join(__dirname, '..');
const page = readFileSync(join(root, 'docs/construct.md'), 'utf8');
const app = mkdtempSync(join(tmpdir(), 'cirrus-app-'));
const installed = join(app, 'node_modules/cirrus-mqtt');
let tarball: string;
afterAll(() => rmSync(app, { recursive: true }));

const run = (program: string, words: string[], cwd = app) =>
  execFileSync(program, words, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/** What `npm ci` has just built need not be built again. */
const buildUnlessFresh = () => (isFresh() ? ['--ignore-scripts'] : []);

/** Whether all that package.json names in `dist` is newer than anything that it may come from. */
function isFresh(): boolean {
  const named = readFileSync(join(root, 'package.json'), 'utf8').match(/(?<=")(\.\/)?dist\/[^"]+(?=")/g)!;
  const outputs = named.map((name) => join(root, name));
  if (!outputs.every(existsSync)) return false;
  const ofNone = ['dist', 'node_modules', 'test', 'cdk.out'];
  const sources = readdirSync(root).filter((name) => !name.startsWith('.') && !ofNone.includes(name));
  const newest = Math.max(...sources.flatMap((name) => pathsBelow(join(root, name))).map(timeOf));
  return Math.min(...outputs.map(timeOf)) > newest;
}

/** Folders too: of a file that was removed only they tell. */
function pathsBelow(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return [path, ...readdirSync(path).flatMap((name) => pathsBelow(join(path, name)))];
}

function timeOf(path: string): number {
  return statSync(path).mtimeMs;
}

/** Packed as npm packs it, and installed beside the packages of this project, which are those that it wants. */
beforeAll(() => {
  mkdirSync(installed, { recursive: true });
  tarball = run('npm', ['pack', '--silent', ...buildUnlessFresh(), '--pack-destination', app], root).trim();
  run('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1']);
  for (const name of readdirSync(join(root, 'node_modules'))) {
    symlinkSync(join(root, 'node_modules', name), join(app, 'node_modules', name));
  }
});

describe('the package', () => {
  it('has the name by which docs/construct.md installs it', () => {
    expect(shellLines(page)).toContain(`npm install ./${tarball} aws-cdk-lib constructs esbuild`);
  });

  it('has what an app needs, and nothing else of the project', () => {
    const files = readdirSync(installed);

    expect(files.sort()).toEqual(
      ['CHANGELOG.md', 'LICENSE', 'README.md', 'dist', 'docs', 'lambdas', 'package.json', 'tsconfig.json'].sort(),
    );
  });

  it('brings the program', () => {
    const { bin } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));

    expect(run('node', [join(installed, bin['cirrus-mqtt']), 'pub', '--help'])).toContain('--topic');
  });

  it('brings the shim for browsers', () => {
    const stdin = { contents: "export { createWebsocket } from 'cirrus-mqtt/mqttjs';", resolveDir: app };

    const bundle = { bundle: true, platform: 'browser', format: 'esm', write: false, metafile: true } as const;
    const { metafile } = buildSync({ stdin, ...bundle });

    expect(Object.values(metafile.outputs).map(({ exports }) => exports)).toEqual([['createWebsocket']]);
  });
});

describe('docs/construct.md', () => {
  it('says what each member of the construct is', () => {
    const declared = readFileSync(join(installed, 'dist/types/lib/mqtt-broker.d.ts'), 'utf8');
    const members = [...declared.matchAll(/^ {4}(?:readonly |get )?(?!private|constructor)(\w+)/gm)].map(
      ([, name]) => name,
    );
    const documented = tableRows(page).flatMap(([names = '']) =>
      [...names.matchAll(/`(\w+)/g)].map(([, name]) => name),
    );

    expect(documented.sort()).toEqual(members.sort());
    expect(members).toContain('grantPublish');
  });
});

describe('the example of docs/construct.md', () => {
  const [example] = codeBlocks(page).filter(({ language }) => language === 'ts');
  let output: string;
  let resources: Record<string, { Type: string; Properties: Record<string, unknown> }>;

  /** Compiled with options that would change the functions, if they had any effect on them. */
  beforeAll(() => {
    const compilerOptions = { useDefineForClassFields: false, experimentalDecorators: true, jsx: 'react' };
    writeFileSync(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
    writeFileSync(join(app, 'app.ts'), example?.code ?? '');
    writeFileSync(join(app, 'app.js'), transformSync(example?.code ?? '', { loader: 'ts', format: 'cjs' }).code);
    output = join(app, 'cdk.out');
    execFileSync('node', ['app.js'], { cwd: app, env: { ...process.env, CDK_OUTDIR: output }, stdio: 'pipe' });
    resources = JSON.parse(readFileSync(join(output, 'Greenhouse.template.json'), 'utf8')).Resources;
  });

  const ofType = (type: string) => Object.entries(resources).filter(([, { Type }]) => Type === type);

  it('has the types that the package declares', () => {
    const options = [
      '--strict',
      '--noEmit',
      '--target',
      'es2023',
      '--skipLibCheck',
      '--types',
      'node',
      '--ignoreConfig',
    ];

    writeFileSync(join(app, 'example.ts'), exampleOfMqttBroker());
    expect(run('node_modules/.bin/tsc', [...options, '--module', 'nodenext', 'app.ts', 'example.ts'])).toBe('');
  });

  /** Returns the `@example` of the doc comment, as editors show it. */
  function exampleOfMqttBroker(): string {
    const declared = readFileSync(join(installed, 'dist/types/lib/mqtt-broker.d.ts'), 'utf8');
    const [, lines = ''] = /@example\n([\s\S]*?)\n \*\/\n/.exec(declared) ?? [];
    expect(lines).toContain('new MqttBroker(');
    return lines.replace(/^ \* ?/gm, '');
  }

  it('deploys two brokers beside each other, of which no two things have one name', () => {
    const dashboards = ofType('AWS::CloudWatch::Dashboard').map(([, { Properties }]) =>
      JSON.stringify(Properties.DashboardName),
    );
    const apis = ofType('AWS::ApiGatewayV2::Api').map(([, { Properties }]) => Properties.Name);

    expect(ofType('AWS::DynamoDB::Table')).toHaveLength(14);
    expect(new Set(dashboards).size).toBe(2);
    expect(new Set(apis).size).toBe(3);
    expect(ofType('AWS::ApiGateway::Account')).toHaveLength(1);
  });

  it.each(['onConnect', 'onPackets', 'onApi'] as const)('bundles %s as this project does, byte for byte', (name) => {
    const code = codeOf(name);

    expect(code.endsWith('//# sourceMappingURL=index.js.map\n')).toBe(true);
    expect(code.replace(/\/\/# sourceMappingURL=.*\n$/, '')).toBe(String(Buffer.from(bundleOf(name).code)));
  });

  function codeOf(name: FunctionName): string {
    const id = `Sensors${name.charAt(0).toUpperCase()}${name.slice(1)}Function`;
    const [, found] = ofType('AWS::Lambda::Function').find(([each]) => each.startsWith(id))!;
    const { S3Key } = found.Properties.Code as { S3Key: string };
    return readFileSync(join(output, `asset.${S3Key.replace('.zip', '')}`, 'index.js'), 'utf8');
  }
});
