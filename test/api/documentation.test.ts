import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { transformSync } from 'esbuild';
import { operations } from '../../lambdas/api/operations';
import { problems } from '../../lambdas/api/problem';
import { codeBlocks, tableRows } from '../support/markdown';
import { TestBroker } from '../support/test-broker';

jest.setTimeout(180_000);

const root = join(__dirname, '../..');
const document = readFileSync(join(root, 'docs/api.md'), 'utf8');
const inDocs = 'http://127.0.0.1:8080/api';
const runFile = promisify(execFile);

const hasCurl = spawnSync('curl', ['--help', 'all'], { encoding: 'utf8' }).stdout?.includes('--aws-sigv4') ?? false;
if (!hasCurl) console.warn('there is no curl with --aws-sigv4: the lines in docs/api.md are NOT run');

describe('docs/api.md', () => {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await TestBroker.start();
    await broker.resume('lamp-7');
  });
  afterAll(() => broker.stop());

  it('names every operation', () => {
    const named = tableRows(document).flatMap(([name = '']) => /^`((?:GET|POST|DELETE) .*)`$/.exec(name)?.[1] ?? []);

    expect(named.sort()).toEqual(
      Object.values(operations)
        .map(({ method, path }) => `${method} ${path.replace('clientId', 'id').replace('+', '')}`)
        .sort(),
    );
  });

  it('lists every problem with its status', () => {
    const listed = tableRows(document).filter(([code = '']) => /^`[a-z-]+`$/.test(code));

    expect(listed.map(([code = '', status, what]) => [code.replaceAll('`', ''), Number(status), what])).toEqual(
      Object.entries(problems).map(([code, { status, title }]) => [code, status, title]),
    );
  });

  (hasCurl ? it : it.skip)('shows curl commands that work', async () => {
    const [first] = codeBlocks(document).filter(({ language }) => language === 'sh');
    const [setup, ...calls] = (first?.code ?? '').split('\n\n');
    const lines = calls.join('\n').trim().split('\n');
    expect(lines.length).toBeGreaterThan(8);

    const responses: unknown[] = [];
    for (const line of lines) {
      const script = `${setup?.replace(inDocs, broker.cloud.apiUrl)}\n${line} --fail-with-body`;
      const { stdout } = await runFile('sh', ['-c', script]);
      responses.push(stdout && JSON.parse(stdout));
    }

    expect(responses[0]).toEqual({ status: 'accepted', subscribers: false });
    expect(responses.at(-3)).toMatchObject({ topic: 'hello/world', text: 'it works' });
    expect(responses.at(-1)).toEqual({ clientId: 'lamp-7', connected: true });
  });

  it('shows TypeScript that runs', async () => {
    const [example] = codeBlocks(document).filter(({ language }) => language === 'ts');
    const source = example?.code.replace(inDocs, broker.cloud.apiUrl) ?? '';
    expect(source).toContain(broker.cloud.apiUrl);

    const { code } = transformSync(`(async () => {${source.replace(/^import .*$/m, '')}})()`, { loader: 'ts' });
    const script = `const { BrokerApi } = require('./clients/api');\n${code}`;
    const { stdout } = await runFile(process.execPath, ['--require', 'tsx/cjs', '--eval', script], { cwd: root });

    expect(stdout).toMatch(/^nobody has subscribed\n/);
  });
});
