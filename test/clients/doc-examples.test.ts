import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';

const root = join(__dirname, '../..');
const clients = join(root, 'clients');
/** Inside the project, so that the examples find its packages; git ignores it. */
const parent = join(root, '.cirrus');
mkdirSync(parent, { recursive: true });
const folder = mkdtempSync(join(parent, 'doc-examples-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What users import, as the examples have it. */
const imports = `
import mqtt from 'mqtt';
import { type AdapterOptions, startAdapter } from '../../clients/adapter';
import { BrokerApi } from '../../clients/api';
import { installGlobalWebSocket } from '../../clients/global-websocket';
import { createWebsocket, createWebsocketWith, guardPublish } from '../../clients/mqttjs';
import { CirrusWebSocket } from '../../clients/websocket';
`;

/** The code below `@example` in the doc comments of a source. */
function examplesIn(source: string): string[] {
  const comments = source.match(/\/\*\*[\s\S]*?\*\//g) ?? [];
  return comments.flatMap((comment) => {
    const lines = comment.split('\n').map((line) => line.replace(/^\s*\/?\*+\/?\s?/, ''));
    const start = lines.indexOf('@example');
    return start < 0 ? [] : [lines.slice(start + 1).join('\n')];
  });
}

const examples = readdirSync(clients)
  .filter((name) => name.endsWith('.ts'))
  .flatMap((name) => examplesIn(readFileSync(join(clients, name), 'utf8')).map((code) => ({ name, code })));

/** Compiles files in the temporary folder; returns the errors. */
function compile(files: readonly string[]): string {
  const options = '--noEmit --strict --skipLibCheck --module preserve --target es2023 --lib es2023,dom --types node';
  const words = [...options.split(' '), '--esModuleInterop', '--ignoreConfig', ...files];
  const { stdout, error } = spawnSync(join(root, 'node_modules/.bin/tsc'), words, { cwd: folder, encoding: 'utf8' });
  if (error) throw error;
  return stdout;
}

function write(name: string, code: string): string {
  writeFileSync(join(folder, name), `${imports}\nexport async function example() {\n${code}\n}\n`);
  return name;
}

describe('the examples in the doc comments of the clients', () => {
  it.each(['adapter.ts', 'api.ts', 'global-websocket.ts', 'mqttjs.ts', 'publish-guard.ts', 'websocket.ts'])(
    'exist in %s',
    (name) => {
      expect(examples.map((example) => example.name)).toContain(name);
    },
  );

  it('compile, and a wrong one would not', () => {
    const files = examples.map(({ name, code }, index) => write(`${index}-${name}`, code));
    const wrong = write('wrong.ts', "createWebsocketWith({ batchMs: 'twenty' });");

    const errors = compile([...files, wrong]);

    expect(errors.split('\n').filter((line) => line !== '' && !line.startsWith(wrong))).toEqual([]);
    expect(errors).toContain(wrong);
  });
});
