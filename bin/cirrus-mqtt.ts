#!/usr/bin/env node
import { type Command, UsageError } from '../clients/commands/command';

// Loaded when asked for: the adapter needs no MQTT.js.
const commands: Record<string, () => Promise<Command>> = {
  adapter: async () => (await import('../clients/commands/adapter')).adapterCommand,
  pub: async () => (await import('../clients/commands/pub')).pubCommand,
  sub: async () => (await import('../clients/commands/sub')).subCommand,
  clients: async () => (await import('../admin/clients-command')).clientsCommand,
  retained: async () => (await import('../admin/retained-command')).retainedCommand,
  debug: async () => (await import('../admin/debug-command')).debugCommand,
  explain: async () => (await import('../admin/explain-command')).explainCommand,
  users: async () => (await import('../admin/users-command')).usersCommand,
  bridge: async () => (await import('../admin/bridge-command')).bridgeCommand,
  cost: async () => (await import('../admin/cost-command')).costCommand,
  redrive: async () => (await import('../admin/redrive-command')).redriveCommand,
};

const help = `usage: cirrus-mqtt <command> [options]

  adapter  lets stock MQTT clients connect to the gateway
  pub      publishes, with the flags of mosquitto_pub
  sub      subscribes, with the flags of mosquitto_sub
  clients  lists who is connected or has a session, and disconnects
  retained lists, prints and deletes retained messages
  debug    lets the broker log the packets of a client for a while
  explain  tells which rule lets a client do something, or keeps it from it
  users    says who may log in, and what they may do
  bridge   brings retained messages to AWS IoT Core and back
  cost     tells what a fleet costs in a month, here and elsewhere
  redrive  moves dead letters back into their queue

"cirrus-mqtt <command> --help" tells more.
`;

async function main([name, ...args]: string[]): Promise<number> {
  if (name === undefined || ['help', '--help', '-h'].includes(name)) return print(help);
  const load = commands[name];
  if (!load) throw new UsageError(`unknown command "${name}"`);
  const command = await load();
  if (args.includes('--help')) return print(command.help);
  return command.run(args, { ...terminal(), interrupted: interruption() });
}

function terminal() {
  const { stdin, stdout, stderr } = process;
  stdout.on('error', () => process.exit(0)); // The reader of a pipe left, as `head` does.
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
    const hint = error instanceof UsageError ? '; --help lists what there is' : '';
    process.stderr.write(`cirrus-mqtt: ${error.message}${hint}\n`);
    return 1;
  })
  .then((exitCode) => {
    process.exitCode = exitCode;
    process.stdin.destroy(); // Else a half-read stdin keeps the process.
  });
