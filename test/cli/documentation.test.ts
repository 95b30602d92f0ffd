import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { commonExitCodes } from '../../cli/command';
import { commands } from '../../cli/command-list';
import { steps } from '../../cli/doctor/run-steps';
import { parseCommandLine } from '../../local/command-line';
import { run } from '../clients/support/command-runs';
import { codeSpans, shellLines, tableRows, wordsOf } from '../support/markdown';
import { TestBroker } from '../support/test-broker';

jest.setTimeout(180_000);

const page = readFileSync(join(__dirname, '../../docs/cli.md'), 'utf8');
const bare = (cell = '') => cell.replaceAll('`', '');

/** Returns the rows of the table below a heading. */
function rowsBelow(heading: string): string[][] {
  const [, section = ''] = page.split(heading);
  return tableRows(section.split('\n## ')[0] ?? '')
    .slice(1)
    .filter(([first = '']) => !/^-+$/.test(first));
}

describe('docs/cli.md', () => {
  it('lists every command, and whether it prints JSON', async () => {
    const documented = rowsBelow('# The command line').map(([name, , json]) => [bare(name), bare(json)]);
    const real = Object.entries(commands).map(async ([name, { load }]) => {
      const { flags = {}, verbs = {} } = await load();
      const printsJson = [flags, ...Object.values(verbs)].some((each) => 'json' in each);
      return [name, printsJson ? 'yes' : 'no'];
    });

    expect(documented).toEqual(await Promise.all(real));
  });

  it('has every exit code of every command', async () => {
    const documented = rowsBelow('## Exit codes').map(([code, , command]) => [bare(code), bare(command)]);
    const common = Object.keys(commonExitCodes).map((code) => [code, 'all']);
    const own = Object.entries(commands).map(async ([name, { load }]) =>
      Object.keys((await load()).exitCodes ?? {}).map((code) => [code, name]),
    );

    expect(documented.sort()).toEqual([...common, ...(await Promise.all(own)).flat()].sort());
  });

  it('names the exit codes of a command in its help', async () => {
    for (const { load } of Object.values(commands)) {
      const { help, exitCodes = {} } = await load();
      for (const code of Object.keys(exitCodes)) expect(help).toMatch(new RegExp(`(with|code) ${code}\\b`));
    }
  });

  it('has every step of the doctor, in order', () => {
    expect(rowsBelow('## Check an address').map(([name]) => bare(name))).toEqual(steps.map(({ name }) => name));
  });

  it('names only existing flags', async () => {
    const loaded = await Promise.all(Object.values(commands).map(({ load }) => load()));
    const known = loaded.flatMap(({ flags = {}, verbs = {} }) =>
      [flags, ...Object.values(verbs)].flatMap((each) => Object.keys(each).map((name) => `--${name}`)),
    );
    const named = [...codeSpans(page), ...shellLines(page)].flatMap((code) => code.match(/--[a-z][\w-]*/g) ?? []);

    expect(named.filter((flag) => ![...known, '--help'].includes(flag))).toEqual([]);
  });
});

describe('examples of docs/cli.md', () => {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await TestBroker.start();
  });
  afterAll(() => broker.stop());

  /** Extra arguments that end each command soon, and its exit code on a broker without responders. */
  const endings: Record<string, { readonly more: string[]; readonly exitCode: number }> = {
    rr: { more: ['-W', '0.2'], exitCode: 27 },
    doctor: { more: ['--only', 'ping'], exitCode: 0 },
    bench: { more: ['--duration', '0.5', '--clients', '2'], exitCode: 0 },
  };

  const lines = shellLines(page).map((line) => wordsOf(line).slice(1));

  it.each(lines.filter(([name = '']) => name in endings))('runs: %s', async (name, ...words) => {
    const { more, exitCode } = endings[name]!;
    const args = words.map((word) => (word.startsWith('wss://') ? broker.cloud.gatewayUrl : word));

    expect(await run(await commands[name]!.load(), [...args, ...more]).exitCode).toBe(exitCode);
  });

  it('are all covered by this test', () => {
    const others = lines.filter(([name = '']) => !(name in endings));

    expect(others.map(([name]) => name)).toEqual(['local', 'completion']);
    expect(parseCommandLine(others[0]!.slice(1))).toMatchObject({ cloud: { port: 8080 }, mqttPort: 1883 });
    expect(others[1]![1]).toBe('bash');
  });
});
