import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { adapterCommand } from '../../../cli/commands/adapter';
import { AdapterMetrics } from '../../../clients/adapter/metrics';
import { codeBlocks, shellLines, tableRows } from '../../support/markdown';
import { endAll, endings, until } from '../support/adapter-rig';
import { run } from '../support/command-runs';

const root = join(__dirname, '../../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const page = read('docs/adapter.md');
const flagsOfHelp = adapterCommand.help.match(/--[a-z][\w-]*/g) ?? [];

afterEach(endAll);

/** Starts the program as in a document, but on free ports. */
async function start(args: string[]) {
  const free = args.map((arg) => arg.replace(/^((?:\d+\.){3}\d+:)?\d+$/, '127.0.0.1:0'));
  const running = run(adapterCommand, free);
  endings.push(() => {
    running.interrupt();
    return running.exitCode;
  });
  await until(() => running.stdout().includes('Prometheus') || running.isOver());
  return /Prometheus on port (\d+)/.exec(running.stdout().toString())?.[1] ?? (await running.exitCode);
}

describe('docs/adapter.md', () => {
  it('has every flag, and no other', () => {
    const documented = tableRows(page).flatMap(([name = '']) => /^`(--[\w-]+)`$/.exec(name)?.[1] ?? []);

    expect(documented.toSorted()).toEqual([...new Set(flagsOfHelp)].toSorted());
  });

  it('has every metric with all values of its label, and no other', () => {
    const text = new AdapterMetrics().text({
      clients: 0,
      pending: 0,
      parked: 0,
      waitingDials: 0,
      certificateExpiresAt: 0,
    });
    const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
    const rows = tableRows(page).filter(([name]) => name?.startsWith('`cirrus_adapter_'));

    expect(rows.map(([name]) => name?.replaceAll('`', '')).toSorted()).toEqual(names.toSorted());
    for (const [, label = '', value = ''] of text.matchAll(/\{(\w+)="(\w+)"\}/g)) {
      expect(rows.map(([, labels]) => labels).join()).toContain(`\`${label}\``);
      expect(rows.map(([, labels]) => labels).join()).toContain(`\`${value}\``);
    }
  });

  it('has the dollars and frames of idle devices from docs/cost.md', () => {
    const idle = (keepAlive: string) =>
      tableRows(read('docs/cost.md')).find(([first, , , , , , dollars]) => first === keepAlive && dollars)!;
    const [[, seldom = '', , , , , cheap], [, often = '', , , , , expensive]] = [idle('540 s'), idle('60 s')];

    expect(page).toContain(
      `[${cheap} a month instead of ${expensive}](cost.md#an-idle-device), an eighth of the frames`,
    );
    expect(Number.parseInt(often, 10) / Number.parseInt(seldom, 10)).toBeCloseTo(8.5, 0);
  });

  it('has a unit for systemd that starts', async () => {
    const unit = codeBlocks(page).find(({ language }) => language === 'ini')?.code ?? '';
    const [, , ...args] = /^ExecStart=\S+ \S+ (.*)$/m.exec(unit)?.[1]?.split(' ') ?? [];

    expect(await start(['wss://127.0.0.1:1/mqtt', ...args])).toMatch(/^\d+$/);
  });

  it('builds the container from the file that there is', () => {
    expect(shellLines(page)).toContain('docker build -f clients/adapter.Dockerfile -t cirrus-mqtt-adapter .');
  });
});

describe('clients/adapter.Dockerfile', () => {
  const file = read('clients/adapter.Dockerfile');
  const words = (instruction: string): string[] =>
    JSON.parse(
      new RegExp(`^(?:${instruction}|.*) ?(\\[.*\\])$`, 'm').exec(file.slice(file.indexOf(instruction)))?.[1] ?? '',
    );

  it('runs what the build makes, and not as root', () => {
    const [, built] = /^COPY \S+ (\S+) (\S+)$/m.exec(file) ?? [];

    expect(JSON.parse(read('package.json')).scripts['build:program']).toContain(`--outfile=${built} `);
    expect(words('ENTRYPOINT')[1]).toBe(/^COPY \S+ \S+ (\S+)$/m.exec(file)?.[1]);
    expect(file).toMatch(/^USER node$/m);
  });

  it('starts with an address behind its own arguments, and finds itself healthy', async () => {
    const [, , command, ...args] = words('ENTRYPOINT');
    expect(command).toBe('adapter');
    const checked = new URL(words('HEALTHCHECK').at(-1) ?? '');
    expect(args[args.indexOf('--metrics') + 1]).toBe(checked.host);

    const port = await start([...args, 'wss://127.0.0.1:1/mqtt']);

    expect((await fetch(`http://127.0.0.1:${port}${checked.pathname}`)).status).toBe(200);
  });
});
