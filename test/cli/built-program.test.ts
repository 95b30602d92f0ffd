import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { commands, overview } from '../../cli/command-list';
import { version } from '../../package.json';
import { wordsOf } from '../support/markdown';
import { TestBroker } from '../support/test-broker';

jest.setTimeout(180_000);

const root = join(__dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'cirrus-built-'));
const program = join(folder, 'dist/cirrus-mqtt.js');

/** Builds the program as `npm run build` does, but to another folder: another test may build concurrently. */
beforeAll(() => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const [tool = '', ...words] = wordsOf(scripts['build:program']);
  expect(words).toContain('--outfile=dist/cirrus-mqtt.js');
  const elsewhere = words.map((word) => word.replace(/^--outfile=.*/, `--outfile=${program}`));
  execFileSync(join(root, 'node_modules/.bin', tool), elsewhere, { cwd: root });
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('the built program', () => {
  const children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });

  const start = (file: string, ...words: string[]) => {
    const child = spawn(process.execPath, [file, ...words], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    children.push(child);
    const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
    return { child, exit, errors: text(child.stderr) };
  };

  const run = async (...words: string[]) => {
    const { child, exit, errors } = start(program, ...words);
    const output = await text(child.stdout);
    return { output, errors: await errors, exitCode: await exit };
  };

  it('prints its version and the list of commands', async () => {
    expect(await run('--version')).toEqual({ output: `${version}\n`, errors: '', exitCode: 0 });
    expect(await run()).toEqual({ output: overview, errors: '', exitCode: 0 });
  });

  it.each(Object.keys(commands))('has %s', async (name) => {
    const { help } = await commands[name]!.load();

    expect(await run(name, '--help')).toEqual({ output: help, errors: '', exitCode: 0 });
  });

  it('names the nearest command and flag', async () => {
    expect((await run('docotr')).errors).toMatch(/^cirrus-mqtt: .*"docotr".*"doctor".*--help\n$/);
    expect((await run('bench', '--client', '3')).errors).toMatch(/^cirrus-mqtt: .*'--client'.* --clients.*--help\n$/);
  });

  it('names the nearest option of the local cloud', async () => {
    expect((await run('local', '--contianers', '1')).errors).toMatch(
      /^cirrus-mqtt: --contianers .*--containers.* --port, /,
    );
  });

  it('runs doctor, bench and rr on a broker', async () => {
    const broker = await TestBroker.start();
    const url = broker.cloud.gatewayUrl;

    const doctor = await run('doctor', url, '--only', 'round-trip', '--json');
    expect([doctor.exitCode, JSON.parse(doctor.output).passed, doctor.errors]).toEqual([0, true, '']);
    const bench = await run('bench', '-L', url, '--clients', '2', '--duration', '1', '-q', '1', '--json');
    expect([bench.exitCode, JSON.parse(bench.output).missing]).toEqual([0, 0]);
    const rr = await run('rr', '-L', url, '-t', 'ask', '-e', 'answer', '-n', '-W', '0.2');
    expect([rr.exitCode, rr.output, rr.errors]).toEqual([27, '', '']);
    await broker.stop();
  });

  it('refuses the local cloud without its sources, and names what is missing', async () => {
    const { exitCode, errors } = await run('local', '--port', '0');

    expect(exitCode).toBe(1);
    expect(errors).toMatch(/^cirrus-mqtt: the local cloud is built from its sources, and \S+ is without /);
    expect(errors).toMatch(/local\/lambda\/container-thread\.ts.*esbuild, dynalite, vite: run "npm ci && npm start"/);
  });

  it('runs the local cloud in a checkout', async () => {
    const checkout = join(folder, 'checkout');
    mkdirSync(join(checkout, 'dist'), { recursive: true });
    copyFileSync(program, join(checkout, 'dist/cirrus-mqtt.js'));
    for (const name of [
      ...['local', 'lambdas', 'console', 'clients', 'node_modules'],
      ...['package.json', 'package-lock.json', 'tsconfig.json'],
    ]) {
      symlinkSync(join(root, name), join(checkout, name));
    }
    const ports = ['--port', '--mqtt-port', '--mqtt-ws-port'].flatMap((port) => [port, '0']);
    const local = start(join(checkout, 'dist/cirrus-mqtt.js'), 'local', ...ports);
    let output = '';
    for await (const chunk of local.child.stdout) {
      output += chunk;
      if (/^ready .*\n/m.test(output)) break;
    }
    const gateway = /^ready gateway=(\S+)/m.exec(output)?.[1] ?? '';

    expect((await run('pub', '-L', gateway, '-t', 'a', '-m', 'b', '-q', '1')).exitCode).toBe(0);
    local.child.kill('SIGINT');
    expect(await local.exit).toBe(0);
    expect(await local.errors).toBe('');
  });
});
