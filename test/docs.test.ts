import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { buildSync, transformSync } from 'esbuild';
import { connectAsync } from 'mqtt';
import { costOfMessage } from '../bench/cost';
import { adapterCommand } from '../cli/commands/adapter';
import { clientsCommand } from '../cli/commands/clients';
import { costCommand } from '../cli/commands/cost';
import { explainCommand } from '../cli/commands/explain';
import { pubCommand } from '../cli/commands/pub';
import { retainedCommand } from '../cli/commands/retained';
import { subCommand } from '../cli/commands/sub';
import { usersCommand } from '../cli/commands/users';
import { type Adapter, startAdapter } from '../clients/adapter';
import { optionRules, readOptions } from '../lib/options';
import { type Cloud, startCloud } from '../local/cloud';
import { parseCommandLine } from '../local/command-line';
import { apiOf } from './api/support';
import { anchorsOf, codeBlocks, codeSpans, linksOf, shellLines, tableRows, wordsOf } from './support/markdown';

jest.setTimeout(180_000);

const root = join(__dirname, '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const documents = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...['arduino', 'c', 'dart', 'esp32', 'java', 'python', 'swift'].map((client) => join('clients', client, 'README.md')),
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
  ...readdirSync(join(root, 'examples'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('examples', name)),
];
const readme = read('README.md');
const scripts: Record<string, string> = JSON.parse(read('package.json')).scripts;

const hasMosquitto = ['mosquitto_pub', 'mosquitto_sub'].every((name) => !spawnSync(name, ['--help']).error);
if (!hasMosquitto)
  console.warn('mosquitto_pub and mosquitto_sub are not installed: their lines in README.md are NOT run');

const hasCurl = spawnSync('curl', ['--help', 'all'], { encoding: 'utf8' }).stdout?.includes('--aws-sigv4') ?? false;
if (!hasCurl) console.warn('there is no curl with --aws-sigv4: its line in README.md is NOT run');

describe.each(documents)('%s', (path) => {
  const markdown = read(path);

  it('links to files and headings that exist', () => {
    const local = linksOf(markdown).filter((target) => !/^https?:/.test(target));
    const broken = local.filter((target) => !resolves(path, target));

    expect(broken).toEqual([]);
  });

  it('names npm scripts that exist', () => {
    const named = [...markdown.matchAll(/npm (?:run )?([a-z][\w:-]*)/g)].map(([whole, name = '']) => ({ whole, name }));
    const npmOwn = ['ci', 'install', 'link', 'pack'];
    const missing = named.filter(
      ({ whole, name }) => !(name in scripts) && (whole.includes('run ') || !npmOwn.includes(name)),
    );

    expect(missing).toEqual([]);
  });
});

function resolves(from: string, target: string): boolean {
  const [file = '', anchor] = target.split('#');
  const path = file === '' ? from : relative(root, join(root, dirname(from), file));
  return existsSync(join(root, path)) && (anchor === undefined || anchorsOf(read(path)).includes(anchor));
}

/** Rooms of the repository, each the first folder of a path that a document may name. */
const rooms = ['bench', 'bin', 'cli', 'clients', 'console', 'docs', 'examples', 'lambdas', 'lib', 'local', 'test'];

describe.each(documents.filter((path) => path !== 'CHANGELOG.md'))('%s', (path) => {
  it('names files and folders that exist', () => {
    const named = codeSpans(read(path)).flatMap((code) => /^(?:npx jest )?([a-z]+\/[\w./-]+)$/.exec(code)?.[1] ?? []);
    const missing = named.filter((name) => rooms.includes(name.split('/')[0]!) && !isInRepository(name, path));

    expect(missing).toEqual([]);
  });
});

/** A file may be named without its ending, and from the folder of the document. */
function isInRepository(name: string, document: string): boolean {
  const folders = [root, join(root, dirname(document))];
  const endings = ['', '.ts', '.tsx', '.test.ts', '.mjs'];
  return folders.some((folder) => endings.some((ending) => existsSync(join(folder, name + ending))));
}

describe('docs/architecture.md', () => {
  const cells = new Set(tableRows(read('docs/architecture.md')).map(([first = '']) => first.replaceAll('`', '')));
  const foldersIn = (folder: string) =>
    readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? entry.name : [],
    );

  it('has a row for each room', () => {
    const top = rooms.filter((room) => !['docs', 'lambdas', 'test'].includes(room)).map((room) => `${room}/`);
    const nested = ['lambdas', 'cli'].flatMap((room) => foldersIn(room).map((name) => `${room}/${name}/`));
    const floors = foldersIn('lambdas/broker').map((name) => `${name}/`);

    expect([...top, ...nested, ...floors].filter((room) => !cells.has(room))).toEqual([]);
  });
});

describe('docs/adr', () => {
  const records = readdirSync(join(root, 'docs/adr')).filter((name) => /^\d{4}-/.test(name));
  const index = tableRows(read('docs/adr/README.md')).filter(([number = '']) => number.startsWith('['));

  it.each(records)('%s has a number, a date, a status, and a line in the index with the same title', (name) => {
    const record = read(`docs/adr/${name}`);
    const number = name.slice(0, 4);
    const [, title = ''] = new RegExp(`^# ${number} (.+)$`, 'm').exec(record) ?? [];
    const [, date = ''] = /^- Date: (\d{4}-\d{2}-\d{2})$/m.exec(record) ?? [];
    const [, status = ''] = /^- Status: ((?:accepted|superseded)\b.*)$/m.exec(record) ?? [];

    expect([title, date, status]).not.toContain('');
    expect(index).toContainEqual([`[${number}](${name})`, title, date, status]);
  });

  it('has no lines in its index without a record', () => {
    expect(index).toHaveLength(records.length);
  });
});

describe('docs/glossary.md', () => {
  const rows = tableRows(read('docs/glossary.md')).filter(([, , file = '']) => file.startsWith('['));
  const terms = rows.map(([term = '']) => term);

  it('defines each term once, in alphabetical order', () => {
    expect(terms.length).toBeGreaterThan(40);
    expect(terms).toEqual([...new Set(terms)].sort((one, other) => one.localeCompare(other, 'en')));
  });

  it.each(rows)('links %s to the file that owns it', (_term, meaning, file = '') => {
    const [target = ''] = linksOf(file);

    expect(meaning).not.toBe('');
    expect(existsSync(join(root, 'docs', target))).toBe(true);
  });
});

describe('the commands of docs/access.md', () => {
  it('have flags that the programs know', () => {
    const lines = shellLines(read('docs/access.md')).filter((line) => line.startsWith('cirrus-mqtt explain'));
    const known = [...flagsIn(explainCommand.help), ...flagsIn(usersCommand.help)];

    expect(lines.length).toBeGreaterThan(2);
    expect(lines.flatMap(flagsIn).filter((flag) => !known.includes(flag))).toEqual([]);
  });
});

describe('the commands of docs/cost.md', () => {
  it('have flags that the program knows', async () => {
    const lines = shellLines(read('docs/cost.md'));
    const flags = [...lines, ...codeSpans(read('docs/cost.md'))].flatMap(flagsIn);

    expect(lines.every((line) => line.startsWith('cirrus-mqtt cost '))).toBe(true);
    expect(flags.filter((flag) => !flagsIn(costCommand.help).includes(flag) && flag !== '--help')).toEqual([]);
  });
});

describe('options in README.md', () => {
  it('are flags of programs', () => {
    const ofStart = flagsIn(refusal(() => parseCommandLine(['--no-such-option', ''])));
    const commands = [
      adapterCommand,
      clientsCommand,
      costCommand,
      retainedCommand,
      explainCommand,
      pubCommand,
      subCommand,
      usersCommand,
    ];
    const ofPrograms = commands.flatMap(({ help }) => flagsIn(help));
    const named = codeSpans(readme).flatMap(flagsIn);

    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((flag) => ![...ofStart, ...ofPrograms].includes(flag))).toEqual([]);
  });

  it.each(['README.md', 'docs/limits.md'])('are options of the stack with their defaults, in %s too', (path) => {
    const markdown = read(path);
    const named = codeSpans(markdown).filter((code) =>
      Object.hasOwn(optionRules, code),
    ) as (keyof typeof optionRules)[];
    const lines = markdown.split('\n');

    expect(named.length).toBeGreaterThan(2);
    for (const name of named) {
      const standard = optionRules[name].default.toLocaleString('en');
      expect(lines.filter((line) => line.includes(`\`${name}\``)).join('\n')).toContain(standard);
    }
  });
});

function flagsIn(words: string): string[] {
  return words.match(/--[a-z][\w-]*/g) ?? [];
}

function refusal(attempt: () => unknown): string {
  try {
    attempt();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it was not refused');
}

describe('the commands of README.md', () => {
  let cloud: Cloud;
  let adapter: Adapter;
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    cloud = await startCloud({ containers: 1 });
    adapter = await startAdapter({ url: cloud.gatewayUrl, listen: { host: '127.0.0.1', port: 0 } });
    const client = await connectAsync(`mqtt://127.0.0.1:${adapter.port}`);
    await client.publishAsync('hello/world', 'it works', { qos: 1, retain: true });
    await client.endAsync();
  });

  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    await adapter.close();
    await cloud.stop();
  });

  const run = (program: string, ...words: string[]) => {
    const child = spawn(program, words, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    children.push(child);
    const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
    return { child, exit, output: text(child.stdout), errors: text(child.stderr) };
  };

  /** Waits until the program prints matching output. Fails if it ends without. */
  const printed = ({ child, errors }: ReturnType<typeof run>, stream: 'stdout' | 'stderr', what: RegExp) =>
    new Promise<void>((resolve, reject) => {
      let output = '';
      child[stream]?.on('data', (chunk) => {
        output += chunk;
        if (what.test(output)) resolve();
      });
      child.once('exit', async () => reject(new Error(`it ended after ${output}, with errors ${await errors}`)));
    });

  /** Returns the current filters of all clients. */
  async function filtersOfAll(): Promise<Set<string>> {
    const api = apiOf(cloud);
    const filters = new Set<string>();
    for await (const { clientId } of api.clients()) {
      const client = await api.client(clientId).catch(() => undefined); // it may have disconnected
      for (const { filter } of client?.subscriptions ?? []) filters.add(filter);
    }
    return filters;
  }

  /** Runs the installed program with the address of the local cloud in place of the documented one. */
  const cirrus = (line: string, ...more: string[]) => {
    const [, ...words] = wordsOf(line).flatMap((word) => {
      if (word === '--local') return [word, new URL(cloud.billUrl).origin];
      return word.startsWith('wss://') ? cloud.gatewayUrl : word;
    });
    return run(process.execPath, '--import', 'tsx', 'bin/cirrus-mqtt.ts', ...words, ...more);
  };

  const lines = shellLines(readme);
  const line = (beginning: string) => lines.find((each) => each.startsWith(beginning)) ?? `(no ${beginning})`;

  it('are checked here, line by line', () => {
    const checked = [
      'npm ci && npm start',
      'npm ci && npm test',
      'npx cdk bootstrap',
      'npx cdk deploy',
      line('npx cdk deploy -c'),
      line('mosquitto_sub'),
      line('mosquitto_pub'),
      ...lines.filter((each) => each.includes('-V 5')),
      line('cirrus-mqtt adapter'),
      line('cirrus-mqtt sub'),
      line('cirrus-mqtt pub'),
      line('cirrus-mqtt users add'),
      line('cirrus-mqtt users show'),
      line('cirrus-mqtt explain'),
      line('cirrus-mqtt cost'),
      line('curl -s http'),
      line('curl -s --aws-sigv4'),
      line('cirrus-mqtt clients'),
      line('cirrus-mqtt retained'),
    ];

    expect(lines.filter((each) => !checked.includes(each))).toEqual([]);
  });

  (hasMosquitto ? it : it.skip)('connect the clients of Mosquitto', async () => {
    const words = (beginning: string) =>
      wordsOf(line(beginning))
        .slice(1)
        .map((word) => word.replace(/^1883$/, String(adapter.port)));
    const sub = run('mosquitto_sub', ...words('mosquitto_sub'), '-C', '1', '-W', '30');
    const pub = run('mosquitto_pub', ...words('mosquitto_pub'));

    expect(await pub.exit).toBe(0);
    expect(await sub.output).toBe('hello/world it works\n');
    expect(await sub.exit).toBe(0);
  });

  (hasMosquitto ? it : it.skip)('connect the clients of Mosquitto with MQTT 5.0', async () => {
    const [worker = '', job = '', sensor = ''] = lines.filter((each) => each.includes('-V 5'));
    const words = (each: string) =>
      wordsOf(each.replace('-p 1883', `-p ${adapter.port}`).replace(/interval 10\b/, 'interval 1'));
    const mosquitto = (each: string, ...more: string[]) => {
      const [program = '', ...rest] = words(each);
      return run(program, ...rest, ...more);
    };
    const works = mosquitto(worker, '-C', '1', '-W', '30');
    const observer = mosquitto('mosquitto_sub -p 1883 -V 5 -t sensors/#', '-C', '1', '-W', '30');
    const lost = mosquitto(sensor);
    let subscribed = new Set<string>();
    while (!['jobs/#', 'sensors/#', 'x'].every((filter) => subscribed.has(filter))) subscribed = await filtersOfAll();

    expect(await mosquitto(job).exit).toBe(0);
    expect(await works.output).toBe('jobs/1 resize size:small\n');
    lost.child.kill('SIGKILL');
    expect(await observer.output).toBe('lost\n');
  });

  it('connect MQTT.js to the gateway', async () => {
    const [example] = codeBlocks(readme).filter(({ language }) => language === 'ts');
    const source = example?.code.replace('ws://127.0.0.1:8080/mqtt', cloud.gatewayUrl) ?? '';
    expect(source).toContain(cloud.gatewayUrl);

    const { code } = transformSync(source, { loader: 'ts', format: 'cjs' });
    const { output, errors, exit } = run(process.execPath, '--require', 'tsx/cjs', '--eval', code);

    expect(await errors).toBe('');
    expect(await output).toBe('hello/world it works\n');
    expect(await exit).toBe(0);
  });

  it('show a page that a bundler for browsers can build', () => {
    const [page] = codeBlocks(readme).filter(({ language }) => language === 'js');
    expect(scripts['build:browser']).toMatch(/^esbuild clients\/mqttjs\.ts .*--bundle .*--format=esm --outdir=dist$/);

    const contents = page?.code.replace('./dist/mqttjs.js', './clients/mqttjs') ?? '';
    const { outputFiles } = buildSync({
      stdin: { contents, resolveDir: root },
      bundle: true,
      format: 'esm',
      platform: 'browser',
      write: false,
    });

    expect(outputFiles[0]?.text).toContain('abc123.execute-api');
  });

  it('show the bill', async () => {
    const { pathname } = new URL(wordsOf(line('curl -s http')).at(-1) ?? '');

    const bill = await (await fetch(new URL(pathname, cloud.billUrl))).json();

    expect(bill).toMatchObject({ dollars: expect.any(Number) });
  });

  it('publish and subscribe', async () => {
    const sub = cirrus(line('cirrus-mqtt sub'), '-C', '1', '-d');
    await printed(sub, 'stderr', /suback/i);
    const pub = cirrus(line('cirrus-mqtt pub'));

    expect(await pub.exit).toBe(0);
    expect(await sub.output).toBe('home/lamp on\n');
  });

  it('start an adapter', async () => {
    const adapted = cirrus(line('cirrus-mqtt adapter').replace('--listen 1883', '--listen 0'));
    await printed(adapted, 'stdout', /\bport \d+\n$/);

    adapted.child.kill('SIGINT');
    expect(await adapted.exit).toBe(0);
  });

  it('add a user, show it and explain its permissions', async () => {
    const added = cirrus(line('cirrus-mqtt users add'));
    expect(await added.output).toMatch(/"kitchen".*\npassword: \S+\n$/);
    expect(await added.exit).toBe(0);

    const shown = cirrus(line('cirrus-mqtt users show'));
    expect(await shown.output).toContain('{"actions":["publish"],"topics":["home/kitchen/#"]}');
    expect(await shown.exit).toBe(0);

    const explained = cirrus(line('cirrus-mqtt explain'));
    expect(await explained.output).toMatch(/^denied\b/);
    expect(await explained.exit).toBe(2);
  });

  it('estimate the cost of a fleet', async () => {
    const cost = cirrus(line('cirrus-mqtt cost'));

    expect(await cost.output).toMatch(/^50 devices\b.*\b96\b.*\n.*\b300 s\b/);
    expect(await cost.exit).toBe(0);
  });

  (hasCurl ? it : it.skip)('publish from a backend, and list clients and retained messages', async () => {
    const words = wordsOf(line('curl -s --aws-sigv4').replace('http://127.0.0.1:8080/api', cloud.apiUrl));
    const published = run('curl', ...words.slice(1));
    expect(JSON.parse(await published.output)).toMatchObject({ status: 'accepted' });

    const listed = cirrus(line('cirrus-mqtt clients'));
    expect(await listed.exit).toBe(0);
    const retained = cirrus(line('cirrus-mqtt retained').replace('home/#', 'hello/#'));
    expect(await retained.output).toBe('hello/world (QoS 1, 8 bytes)\n');
  });

  it('have valid options of the stack', () => {
    const context = wordsOf(line('npx cdk deploy -c'))
      .at(-1)
      ?.replace(/^broker=/, '');

    expect(readOptions(context)).toMatchObject({ brokerName: 'garage', removalPolicy: 'destroy' });
  });
});

describe('the price of a million messages', () => {
  it.each([0, 1, 2] as const)('at QoS %i is within the price of README.md and docs/cost.md', async (qos) => {
    const { dollars } = await costOfMessage(qos);
    const prices = ['README.md', 'docs/cost.md'].flatMap((path) => {
      const [row] = tableRows(read(path)).filter(([name]) => name === `QoS ${qos}`);
      return Number((path === 'README.md' ? row?.[2] : row?.at(-1))?.replace('$', ''));
    });

    for (const price of prices) {
      expect(dollars * 1e6).toBeLessThan(price * 1.05);
      expect(dollars * 1e6).toBeGreaterThan(price * 0.8);
    }
  });
});
