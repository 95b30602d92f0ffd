import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Flags } from '../../../cli/command';
import { commands } from '../../../cli/command-list';
import { completionFor } from '../../../cli/commands/completion';
import { run } from '../../clients/support/command-runs';
import { naming } from '../naming';

const folder = mkdtempSync(join(tmpdir(), 'cirrus-completion-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function script(shell: string): Promise<string> {
  const command = run(completionFor(commands), [shell]);
  expect(await command.exitCode).toBe(0);
  return command.stdout().toString();
}

const long = (flags: Flags = {}) => Object.keys(flags).map((name) => `--${name}`);

/** Expected completions after these words, from the flags that the commands parse. */
async function expected(words: readonly string[]): Promise<string[]> {
  const [name, verb] = words;
  if (name === undefined) return [...Object.keys(commands), '--help', '--version'];
  const { flags, verbs = {} } = await commands[name]!.load();
  if (verb !== undefined) return [...long(verbs[verb]), '--help'];
  return [...Object.keys(verbs), ...long(flags), '--help'];
}

async function everyPlace(): Promise<string[][]> {
  const places: string[][] = [[]];
  for (const [name, { load }] of Object.entries(commands)) {
    const { verbs = {} } = await load();
    places.push([name], ...Object.keys(verbs).map((verb) => [name, verb]));
  }
  return places;
}

describe('completion bash', () => {
  const file = join(folder, 'bash');
  beforeAll(async () => writeFileSync(file, await script('bash')));

  /** Completions of bash for the last of these words. */
  function offered(...words: string[]): string[] {
    const line = ['cirrus-mqtt', ...words].map((word) => `'${word}'`).join(' ');
    const code = `source '${file}'; COMP_WORDS=(${line}); COMP_CWORD=${words.length}; _cirrus_mqtt; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr, error } = spawnSync('bash', ['--norc', '-c', code], { encoding: 'utf8', cwd: folder });
    expect([error, stderr]).toEqual([undefined, '']);
    return stdout.split('\n').filter((word) => word !== '');
  }

  it('offers the verbs and flags that are parsed at every position', async () => {
    for (const words of await everyPlace()) {
      expect([words, offered(...words, '').sort()]).toEqual([words, (await expected(words)).sort()]);
    }
  });

  it('offers words with the typed prefix', () => {
    expect(offered('re')).toEqual(['retained', 'redrive']);
    expect(offered('users', 'add', 'bob', '--pass')).toEqual(['--password-stdin', '--password-file']);
    expect(offered('sub', '-t', 'a', '--disable')).toEqual(['--disable-clean-session']);
  });

  it('offers files where a flag takes a value', () => {
    expect(offered('pub', '-f', 'ba')).toEqual(['bash']);
    expect(offered('local', '--access', 'ba')).toEqual(['bash']);
  });
});

describe.each(['zsh', 'fish'])('completion %s', (shell) => {
  it('has every command, verb and flag', async () => {
    const text = await script(shell);
    const missing: string[] = [];
    for (const words of await everyPlace()) {
      for (const word of await expected(words)) {
        const name = shell === 'fish' ? word.replace(/^--/, '') : word;
        const isGlobal = words.length === 0 && word.startsWith('--');
        if (!isGlobal && !new RegExp(`(^|[ '])${name}([ ']|$)`, 'm').test(text))
          missing.push([...words, word].join(' '));
      }
    }

    expect(missing).toEqual([]);
  });
});

describe('completion', () => {
  it.each([
    [['tcsh'], 'bash zsh fish "tcsh"'],
    [[], 'bash zsh fish ""'],
    [['bash', 'zsh'], '"zsh"'],
  ])('refuses %j', async (args, message) => {
    await expect(run(completionFor(commands), args).exitCode).rejects.toThrow(naming(message));
  });
});
