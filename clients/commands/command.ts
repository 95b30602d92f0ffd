import type { Readable, Writable } from 'node:stream';

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
  run(args: string[], terminal: Terminal): Promise<number>;
}

/** The user asked for something impossible; the help would tell. */
export class UsageError extends Error {}
