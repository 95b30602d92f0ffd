import type { Command } from '../clients/commands/command';

/** A command as the overview lists it. */
export interface Listed {
  readonly summary: string;
  /** Loaded when asked for: the adapter needs no MQTT.js. */
  readonly load: () => Promise<Command>;
}

/** Every command of `cirrus-mqtt`. */
export const commands: Readonly<Record<string, Listed>> = {
  adapter: {
    summary: 'lets stock MQTT clients connect to the gateway',
    load: async () => (await import('../clients/commands/adapter')).adapterCommand,
  },
  pub: {
    summary: 'publishes, with the flags of mosquitto_pub',
    load: async () => (await import('../clients/commands/pub')).pubCommand,
  },
  sub: {
    summary: 'subscribes, with the flags of mosquitto_sub',
    load: async () => (await import('../clients/commands/sub')).subCommand,
  },
  rr: {
    summary: 'asks and prints the response, with the flags of mosquitto_rr',
    load: async () => (await import('../clients/commands/rr')).rrCommand,
  },
  doctor: {
    summary: 'examines an address step by step, and says what is wrong with it',
    load: async () => (await import('../probes/doctor-command')).doctorCommand,
  },
  bench: {
    summary: 'puts load on a broker, and tells rates and latencies',
    load: async () => (await import('../probes/bench-command')).benchCommand,
  },
  local: {
    summary: 'runs the broker on this machine, in a cloud of its own',
    load: async () => (await import('./local-command')).localCommand,
  },
  clients: {
    summary: 'lists who is connected or has a session, and disconnects',
    load: async () => (await import('../admin/clients-command')).clientsCommand,
  },
  retained: {
    summary: 'lists, prints and deletes retained messages',
    load: async () => (await import('../admin/retained-command')).retainedCommand,
  },
  debug: {
    summary: 'lets the broker log the packets of a client for a while',
    load: async () => (await import('../admin/debug-command')).debugCommand,
  },
  explain: {
    summary: 'tells which rule lets a client do something, or keeps it from it',
    load: async () => (await import('../admin/explain-command')).explainCommand,
  },
  users: {
    summary: 'says who may log in, and what they may do',
    load: async () => (await import('../admin/users-command')).usersCommand,
  },
  bridge: {
    summary: 'brings retained messages to AWS IoT Core and back',
    load: async () => (await import('../admin/bridge-command')).bridgeCommand,
  },
  cost: {
    summary: 'tells what a fleet costs in a month, here and elsewhere',
    load: async () => (await import('../admin/cost-command')).costCommand,
  },
  redrive: {
    summary: 'moves dead letters back into their queue',
    load: async () => (await import('../admin/redrive-command')).redriveCommand,
  },
  completion: {
    summary: 'prints what lets a shell complete commands and flags',
    load: async () => (await import('./completion-command')).completionCommand,
  },
};

/** What the program says when it is asked for nothing else. */
export const overview = `usage: cirrus-mqtt <command> [options]

${Object.entries(commands)
  .map(([name, { summary }]) => `  ${name.padEnd(10)} ${summary}\n`)
  .join('')}
"cirrus-mqtt <command> --help" tells more, "cirrus-mqtt --version" which one this is.
`;
