import type { ListedCommand } from './command';

/** All commands of `cirrus-mqtt`, by name, in the order of the overview. */
export const commands: Readonly<Record<string, ListedCommand>> = {
  adapter: {
    summary: 'connect stock MQTT clients to the gateway',
    load: async () => (await import('./commands/adapter')).adapterCommand,
  },
  pub: {
    summary: 'publish messages, with the flags of mosquitto_pub',
    load: async () => (await import('./commands/pub')).pubCommand,
  },
  sub: {
    summary: 'subscribe and print messages, with the flags of mosquitto_sub',
    load: async () => (await import('./commands/sub')).subCommand,
  },
  rr: {
    summary: 'send a request and print the response, with the flags of mosquitto_rr',
    load: async () => (await import('./commands/rr')).rrCommand,
  },
  doctor: {
    summary: 'check a broker address step by step',
    load: async () => (await import('./commands/doctor')).doctorCommand,
  },
  bench: {
    summary: 'load-test a broker and report rates and latencies',
    load: async () => (await import('./commands/bench')).benchCommand,
  },
  local: {
    summary: 'run the broker in a local cloud on this machine',
    load: async () => (await import('./commands/local')).localCommand,
  },
  clients: {
    summary: 'list, show and disconnect clients',
    load: async () => (await import('./commands/clients')).clientsCommand,
  },
  retained: {
    summary: 'list, print and delete retained messages',
    load: async () => (await import('./commands/retained')).retainedCommand,
  },
  debug: {
    summary: 'log the packets of one client for a limited time',
    load: async () => (await import('./commands/debug')).debugCommand,
  },
  explain: {
    summary: 'show which rule allows or denies an action of a client',
    load: async () => (await import('./commands/explain')).explainCommand,
  },
  users: {
    summary: 'manage user accounts and their permissions',
    load: async () => (await import('./commands/users')).usersCommand,
  },
  bridge: {
    summary: 'copy retained messages to or from AWS IoT Core',
    load: async () => (await import('./commands/bridge')).bridgeCommand,
  },
  cost: {
    summary: 'estimate the monthly cost of a fleet',
    load: async () => (await import('./commands/cost')).costCommand,
  },
  redrive: {
    summary: 'move dead letters back to their queue',
    load: async () => (await import('./commands/redrive')).redriveCommand,
  },
  completion: {
    summary: 'print a completion script for bash, zsh or fish',
    load: async () => (await import('./commands/completion')).completionFor(commands),
  },
};

/** Text of `cirrus-mqtt --help`. */
export const overview = `usage: cirrus-mqtt <command> [options]

${Object.entries(commands)
  .map(([name, { summary }]) => `  ${name.padEnd(10)} ${summary}\n`)
  .join('')}
Run "cirrus-mqtt <command> --help" for the flags of a command, "cirrus-mqtt --version" for the version.
`;
