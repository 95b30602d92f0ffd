import { PassThrough } from 'node:stream';
import type { Command } from '../../../cli/command';

/** A running command: its output so far, its exit code, and a function to interrupt it. */
export interface CommandRun {
  stdout(): Buffer;
  stderr(): string;
  exitCode: Promise<number>;
  isOver(): boolean;
  interrupt(): void;
}

/** Runs a command in this process; with `isTTY` its output is a terminal. */
export function run(command: Command, args: string[], stdin: Buffer | string = '', { isTTY = false } = {}): CommandRun {
  const interruption = new AbortController();
  const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  const stdout = new PassThrough().on('data', (chunk) => output.stdout.push(chunk));
  const stderr = Object.assign(new PassThrough(), { isTTY }).on('data', (chunk) => output.stderr.push(chunk));
  const input = new PassThrough();
  input.end(stdin);
  const exitCode = command.run(args, { stdin: input, stdout, stderr, interrupted: interruption.signal });
  let over = false;
  const end = () => {
    over = true;
  };
  exitCode.then(end, end);
  return {
    stdout: () => Buffer.concat(output.stdout),
    stderr: () => Buffer.concat(output.stderr).toString(),
    exitCode,
    isOver: () => over,
    interrupt: () => interruption.abort(),
  };
}
