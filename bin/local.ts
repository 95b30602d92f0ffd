import { localCommand } from '../cli/commands/local';

/** Runs `cirrus-mqtt local` for `npm start`. Error messages have no program name as prefix. */
async function main(): Promise<number> {
  const args = process.argv.slice(2);
  const { stdin, stdout, stderr } = process;
  if (args.includes('--help')) {
    stdout.write(localCommand.help);
    return 0;
  }
  const interruption = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interruption.abort());
  return localCommand.run(args, { stdin, stdout, stderr, interrupted: interruption.signal });
}

main().then(
  (exitCode) => process.exit(exitCode),
  (error: Error) => {
    console.error(error.message);
    process.exit(1);
  },
);
