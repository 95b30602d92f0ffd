import type { Readable, Writable } from 'node:stream';
import type { ParseArgsConfig } from 'node:util';

/** Flags by long name, in the form that `parseArgs` takes. */
export type Flags = NonNullable<ParseArgsConfig['options']>;

/** Streams and signals of the process. Commands use only these, so that tests can run them without a process. */
export interface Terminal {
  stdin: Readable;
  stdout: Writable;
  stderr: Writable;
  /** Aborted on SIGINT and SIGTERM. */
  interrupted: AbortSignal;
}

/** A command of `cirrus-mqtt`. */
export interface Command {
  /** Text of `--help`. */
  help: string;
  /** Flags of a command without verbs. The parser, the completion scripts and the tests of the help text use them. */
  flags?: Flags;
  /** Flags of each verb, for example of `users add`. */
  verbs?: Readonly<Record<string, Flags>>;
  /** Exit codes besides `commonExitCodes`, each with its meaning. */
  exitCodes?: Readonly<Record<number, string>>;
  /**
   * Runs the command with the arguments behind its name. Resolves to the exit code.
   * @throws UsageError for wrong arguments; any other error ends the program with exit code 1.
   */
  run(args: string[], terminal: Terminal): Promise<number>;
}

/** Exit codes of every command, each with its meaning. */
export const commonExitCodes = { 0: 'success', 1: 'error, with a message on stderr' } as const;

/** Exit code of a command that worked and has a negative result: access denied, a step failed, messages missing. */
export const exitNegative = 2;

/** Exit code of `-W`, the same as that of mosquitto_sub and mosquitto_rr. */
export const exitTimedOut = 27;

/** The arguments of the user are wrong. The program adds a hint to `--help` to its message. */
export class UsageError extends Error {}

/** Entry of a command in the list of commands. */
export interface ListedCommand {
  /** One line in the overview and in the completion scripts. */
  readonly summary: string;
  /** Imports the command on first use: the adapter, for example, does not load MQTT.js. */
  readonly load: () => Promise<Command>;
}
