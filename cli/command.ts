import type { Readable, Writable } from 'node:stream';
import type { ParseArgsConfig } from 'node:util';

/** Flags by long name, as `parseArgs` describes them. */
export type Flags = NonNullable<ParseArgsConfig['options']>;

/** What a command may touch, so that tests need no process. */
export interface Terminal {
  stdin: Readable;
  stdout: Writable;
  stderr: Writable;
  /** Aborted when the user asks to stop. */
  interrupted: AbortSignal;
}

/** A command of `cirrus-mqtt`: its help text and what it does; the promise is its exit code. */
export interface Command {
  help: string;
  /** What parses its arguments, and what a shell completes; with verbs, the flags of each. */
  flags?: Flags;
  verbs?: Readonly<Record<string, Flags>>;
  /** Exit codes besides those that every command has, each with what it says. */
  exits?: Readonly<Record<number, string>>;
  run(args: string[], terminal: Terminal): Promise<number>;
}

/** What every command ends with: it did what it was asked to, or it could not. */
export const commonExits = { 0: 'done', 1: 'an error, which is said on stderr' } as const;

/** The answer to what was asked is no: neither success nor an error. */
export const answeredNo = 2;

/** Nothing came in time; as of mosquitto's programs. */
export const timedOut = 27;

/** The user asked for something impossible; the help would tell. */
export class UsageError extends Error {}

/** A command as the overview lists it. */
export interface ListedCommand {
  readonly summary: string;
  /** Loads the command when it is asked for: the adapter needs no MQTT.js. */
  readonly load: () => Promise<Command>;
}
