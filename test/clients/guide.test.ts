import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connectAsync } from 'mqtt';
import { withDefaults } from '../../clients/gateway-options';
import { createWebsocket } from '../../clients/mqttjs';
import { type Cloud, startCloud } from '../../local/cloud';
import { codeBlocks, tableRows } from '../support/markdown';
import { firstLogOf, hasChromium } from './support/chromium';

const root = join(__dirname, '..', '..');
const guide = readFileSync(join(root, 'docs', 'clients.md'), 'utf8');
const packageJson = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
  exports: Record<string, unknown>;
};
const bin = (name: string) => join(root, 'node_modules', '.bin', name);

if (!hasChromium) console.warn('chromium is not installed: the pages of docs/clients.md are NOT run');

/** A folder in which the package is installed, with the output of `npm run build`. */
let folder: string;
let cloud: Cloud;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cirrus-clients-'));
  const installed = join(folder, 'node_modules', 'cirrus-mqtt');
  mkdirSync(installed, { recursive: true });
  cpSync(join(root, 'package.json'), join(installed, 'package.json'));
  for (const name of ['mqtt', 'ws', 'paho-mqtt', '@types'])
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
  for (const script of ['build:browser', 'build:node:mjs', 'build:node:cjs', 'build:types'])
    build(script, join(installed, 'dist'));
  symlinkSync(join(installed, 'dist'), join(folder, 'dist'));
  cloud = await startCloud({ containers: 1 });
  const client = await connectAsync(cloud.gatewayUrl, { createWebsocket });
  await client.publishAsync('hello/world', 'it works', { qos: 1, retain: true });
  await client.endAsync();
});

afterAll(async () => {
  await cloud.stop();
  rmSync(folder, { recursive: true, maxRetries: 5 });
});

/** Runs a script of the package with output to another folder. */
function build(script: string, dist: string): void {
  const [program = '', ...words] = packageJson.scripts[script]!.split(' ');
  const toDist = words.map((word) => word.replace(/^--outdir=dist$/, `--outdir=${dist}`));
  const more = program === 'tsc' ? ['--outDir', join(dist, 'types')] : [];
  const { status, stdout, stderr } = spawnSync(bin(program), [...toDist, ...more], { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${script}: ${stdout}${stderr}`);
}

/** The output of a program in that folder. */
async function printed(file: string, code: string): Promise<string> {
  writeFileSync(join(folder, file), code);
  const child = spawn(process.execPath, [file], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return output + errors;
}

const here = (code: string) => code.replace('ws://127.0.0.1:8080/mqtt', cloud.gatewayUrl);
const blocks = (language: string) => codeBlocks(guide).filter((block) => block.language === language);

describe('the package', () => {
  it.each(Object.keys(packageJson.exports).filter((name) => name.includes('mqttjs') || name.includes('websocket')))(
    'can be imported and required as %s',
    async (name) => {
      const path = name.replace('.', 'cirrus-mqtt');

      const imported = await printed(
        'a.mjs',
        `import * as all from '${path}'; console.log(Object.keys(all).sort().join());`,
      );
      const required = await printed('a.cjs', `console.log(Object.keys(require('${path}')).sort().join());`);

      expect(imported).toMatch(/^[A-Za-z,]+\n$/);
      expect(required).toBe(imported);
    },
  );

  it.each(['mqttjs', 'websocket', 'global-websocket'])('has less than 24 KB for browsers as %s', (name) => {
    const bundle = readFileSync(join(folder, 'dist', `${name}.js`), 'utf8');

    expect(bundle.length).toBeLessThan(24_000);
    expect(bundle.length).toBeGreaterThan(5_000);
    expect(bundle).not.toMatch(/(?:from|require\()\s*["'](?:node:|[a-z])/);
  });
});

describe('docs/clients.md', () => {
  it('shows a program in TypeScript that compiles against the types of the package, and runs', async () => {
    const [example] = blocks('ts');
    writeFileSync(join(folder, 'hello.ts'), here(example!.code));
    const compiler = '--strict --module nodenext --target es2022 --types node --outDir out hello.ts';
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    const compiled = spawnSync(bin('tsc'), compiler.split(' '), { cwd: folder, encoding: 'utf8' });
    expect(compiled.stdout).toBe('');

    const child = spawn(process.execPath, ['out/hello.js'], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });

    expect(await text(child.stdout)).toBe('hello/world it works\n');
    rmSync(join(folder, 'package.json'));
  });

  (hasChromium ? it : it.skip).each(['MQTT.js', 'Paho'])(
    'shows a page with %s that runs in a browser',
    async (library) => {
      const { code } = blocks('html').find((block) => block.code.includes(`'${library}'`))!;

      const line = await firstLogOf(here(code), (path) => {
        const file = join(folder, path);
        return existsSync(file) ? readFileSync(file) : undefined;
      });

      expect(line).toContain(`"${library} hello/world it works"`);
    },
  );

  it('names every option, its default and what is allowed', () => {
    const defaults = withDefaults({});
    const rows = tableRows(guide).filter(([name = '']) => name.replaceAll('`', '') in defaults);

    expect(rows.map(([name = '']) => name.replaceAll('`', ''))).toEqual(Object.keys(defaults));
    for (const [name = '', standard = '', allowed = ''] of rows) {
      const option = name.replaceAll('`', '') as keyof typeof defaults;
      const said = defaults[option] === undefined ? '' : `\`${JSON.stringify(defaults[option])}\``;
      expect(standard).toBe(said);
      expect(() => withDefaults({ [option]: 'wrong' })).toThrow(`option ${option} takes ${allowed}, not`);
    }
  });
});
