import { describe, expect, it } from '@jest/globals';
import type { Command, Flags } from '../../cli/command';
import { commands, overview } from '../../cli/command-list';

const names = Object.keys(commands);

/** Loads a command and its flags, including those of its verbs. */
async function loaded(name: string): Promise<{ command: Command; flags: Flags }> {
  const command = await commands[name]!.load();
  return { command, flags: Object.assign({}, command.flags, ...Object.values(command.verbs ?? {})) };
}

function longFlagsIn(text: string): string[] {
  return text.match(/(?<![\w"/-])--[a-z][\w-]*/g) ?? [];
}

describe('cirrus-mqtt', () => {
  it('lists every command', () => {
    for (const name of names) expect(overview).toMatch(new RegExp(`^  ${name} +\\S`, 'm'));
  });

  it('has no flag with a value in one command and without in another, which completion could not support', async () => {
    const types = new Map<string, Set<string>>();
    for (const name of names) {
      const { flags } = await loaded(name);
      for (const [flag, { type }] of Object.entries(flags)) types.set(flag, (types.get(flag) ?? new Set()).add(type));
    }

    expect([...types].filter(([, kinds]) => kinds.size > 1).map(([flag]) => flag)).toEqual([]);
  });
});

describe.each(names)('cirrus-mqtt %s --help', (name) => {
  it('begins with the usage', async () => {
    const { command } = await loaded(name);

    expect(command.help).toMatch(new RegExp(`^usage: cirrus-mqtt ${name}\\b`));
    expect(command.help.endsWith('\n') && !command.help.endsWith('\n\n')).toBe(true);
    for (const verb of Object.keys(command.verbs ?? {})) expect(command.help).toContain(verb);
  });

  it('has every flag that is parsed, and no other', async () => {
    const { command, flags } = await loaded(name);
    const own = Object.keys(flags).map((flag) => `--${flag}`);
    const said = new Set(longFlagsIn(command.help.replaceAll(/\*\*/g, '')));

    expect(own.filter((flag) => !said.has(flag))).toEqual([]);
    expect([...said].filter((flag) => !own.includes(flag))).toEqual([]);
  });

  it('names the short form of a flag where it names the long one', async () => {
    const { command, flags } = await loaded(name);
    const missing = Object.entries(flags).filter(
      ([long, { short }]) => short !== undefined && !new RegExp(`-${short}, --${long}\\b`).test(command.help),
    );

    expect(missing.map(([long]) => long)).toEqual([]);
  });

  it('fits a terminal of 120 columns', async () => {
    const { command } = await loaded(name);

    expect(command.help.split('\n').filter((line) => line.length > 120)).toEqual([]);
  });
});
