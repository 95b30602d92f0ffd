import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';

const program = join(__dirname, '../../bin/cirrus-mqtt.ts');

function start(...args: string[]) {
  const child = spawn(process.execPath, ['--import', 'tsx', program, ...args]);
  return { child, stdout: text(child.stdout), stderr: text(child.stderr), closed: once(child, 'close') };
}

describe('cirrus-mqtt', () => {
  it.each([
    [['--help'], 0, /^usage: cirrus-mqtt <command>/, /^$/],
    [['pub', '--help'], 0, /^usage: cirrus-mqtt pub/, /^$/],
    [['users', '--help'], 0, /^usage: cirrus-mqtt users add NAME/, /^$/],
    [['nonsense'], 1, /^$/, /^cirrus-mqtt: .*"nonsense".*--help\n$/],
    [['sub', '-t', 'a', '--nonsense'], 1, /^$/, /^cirrus-mqtt: .*'--nonsense'.*--help\n$/],
  ])('answers %j with exit code %i', async (args, exitCode, stdout, stderr) => {
    const command = start(...args);

    expect(await command.closed).toEqual([exitCode, null]);
    expect(await command.stdout).toMatch(stdout);
    expect(await command.stderr).toMatch(stderr);
  });

  it('ends the adapter cleanly when terminated', async () => {
    const { child, stdout, closed } = start('adapter', 'ws://127.0.0.1:1', '--listen', '0');
    await once(child.stdout, 'data');

    child.kill('SIGTERM');

    expect(await closed).toEqual([0, null]);
    expect(await stdout).toMatch(/^listening for MQTT on port \d+\n$/);
  });
});
