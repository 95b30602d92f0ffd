import type { ListedCommand } from './command';

/** Every command of `cirrus-mqtt`. */
export const commands: Readonly<Record<string, ListedCommand>> = {
  adapter: {
    summary: 'lets stock MQTT clients connect to the gateway',
    load: async () => (await import('./commands/adapter')).adapterCommand,
  },
  pub: {
    summary: 'publishes, with the flags of mosquitto_pub',
    load: async () => (await import('./commands/pub')).pubCommand,
  },
  sub: {
    summary: 'subscribes, with the flags of mosquitto_sub',
    load: async () => (await import('./commands/sub')).subCommand,
  },
  rr: {
    summary: 'asks and prints the response, with the flags of mosquitto_rr',
    load: async () => (await import('./commands/rr')).rrCommand,
  },
  doctor: {
    summary: 'examines an address step by step, and says what is wrong with it',
    load: async () => (await import('./commands/doctor')).doctorCommand,
  },
  bench: {
    summary: 'puts load on a broker, and tells rates and latencies',
    load: async () => (await import('./commands/bench')).benchCommand,
  },
  local: {
    summary: 'runs the broker on this machine, in a cloud of its own',
    load: async () => (await import('./commands/local')).localCommand,
  },
  clients: {
    summary: 'lists who is connected or has a session, and disconnects',
    load: async () => (await import('./commands/clients')).clientsCommand,
  },
  retained: {
    summary: 'lists, prints and deletes retained messages',
    load: async () => (await import('./commands/retained')).retainedCommand,
  },
  debug: {
    summary: 'lets the broker log the packets of a client for a while',
    load: async () => (await import('./commands/debug')).debugCommand,
  },
  explain: {
    summary: 'tells which rule lets a client do something, or keeps it from it',
    load: async () => (await import('./commands/explain')).explainCommand,
  },
  users: {
    summary: 'says who may log in, and what they may do',
    load: async () => (await import('./commands/users')).usersCommand,
  },
  bridge: {
    summary: 'brings retained messages to AWS IoT Core and back',
    load: async () => (await import('./commands/bridge')).bridgeCommand,
  },
  cost: {
    summary: 'tells what a fleet costs in a month, here and elsewhere',
    load: async () => (await import('./commands/cost')).costCommand,
  },
  redrive: {
    summary: 'moves dead letters back into their queue',
    load: async () => (await import('./commands/redrive')).redriveCommand,
  },
  completion: {
    summary: 'prints what lets a shell complete commands and flags',
    load: async () => (await import('./commands/completion')).completionFor(commands),
  },
};

/** What the program says when it is asked for nothing else. */
export const overview = `usage: cirrus-mqtt <command> [options]

${Object.entries(commands)
  .map(([name, { summary }]) => `  ${name.padEnd(10)} ${summary}\n`)
  .join('')}
"cirrus-mqtt <command> --help" tells more, "cirrus-mqtt --version" which one this is.
`;
