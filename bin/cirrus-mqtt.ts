#!/usr/bin/env node
import { type Command, UsageError } from '../cli/command';
import { commands, overview } from '../cli/command-list';
import { nearestName } from '../cli/nearest-name';
import { version } from '../package.json';

async function main([name, ...args]: string[]): Promise<number> {
  if (name === '--version') return print(`${version}\n`);
  if (name === 'help' && args[0] !== undefined) return print((await load(args[0])).help);
  if (name === undefined || ['help', '--help', '-h'].includes(name)) return print(overview);
  const command = await load(name);
  if (args.includes('--help')) return print(command.help);
  return command.run(args, { ...terminal(), interrupted: interruption() });
}

function load(name: string): Promise<Command> {
  if (Object.hasOwn(commands, name)) return commands[name]!.load();
  const meant = nearestName(name, Object.keys(commands));
  throw new UsageError(`unknown command "${name}"${meant ? ` (did you mean "${meant}"?)` : ''}`);
}

function terminal() {
  const { stdin, stdout, stderr } = process;
  stdout.on('error', () => process.exit(0)); // The reader of the pipe has closed it, for example `head`.
  return { stdin, stdout, stderr };
}

function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort());
  return controller.signal;
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

main(process.argv.slice(2))
  .catch((error: Error) => {
    const hint = error instanceof UsageError ? '; see --help' : '';
    process.stderr.write(`cirrus-mqtt: ${error.message}${hint}\n`);
    return 1;
  })
  .then((exitCode) => {
    process.exitCode = exitCode;
    process.stdin.destroy(); // An open stdin would keep the process alive.
  });
