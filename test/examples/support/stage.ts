import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Adapter, startAdapter } from '../../../clients/adapter';
import { type Cloud, startCloud } from '../../../local/cloud';
import { shellLines, wordsOf } from '../../support/markdown';

const root = join(__dirname, '../../..');

/** A broker like that of `npm start`, on free ports, and a way to run the commands of an example's README. */
export class Stage {
  private readonly runs: Run[] = [];

  private constructor(
    readonly cloud: Cloud,
    readonly adapter: Adapter,
  ) {}

  static async open(): Promise<Stage> {
    const cloud = await startCloud({ containers: 1 });
    const adapter = await startAdapter({ url: cloud.gatewayUrl, listen: { host: '127.0.0.1', port: 0 } });
    return new Stage(cloud, adapter);
  }

  /** Runs a command in its own process group. `more` are additional arguments, for example the address of the broker. */
  type(command: string, ...more: string[]): Run {
    const run = new Run([...wordsOf(withoutNpx(command)), ...more], {
      MQTT_URL: this.cloud.gatewayUrl,
      API_URL: this.cloud.apiUrl,
    });
    this.runs.push(run);
    return run;
  }

  async close(): Promise<void> {
    for (const run of this.runs) run.killAll();
    await this.adapter.close();
    await this.cloud.stop();
  }
}

/** Replaces `npx tsx`, whose two processes take as long to start as the example. */
function withoutNpx(command: string): string {
  return command.replace(/^npx tsx /, `${process.execPath} --import tsx `);
}

/** Runs a command without a broker; returns its exit status and error output. */
export async function complaintWithoutBroker(command: string, ...more: string[]): Promise<string> {
  const nowhere = '127.0.0.1:9'; // The discard service, which does not run.
  const run = new Run([...wordsOf(withoutNpx(command)), ...more], {
    MQTT_URL: `ws://${nowhere}/mqtt`,
    API_URL: `http://${nowhere}/api`,
  });
  const status = await run.status;
  return `${status}: ${run.errors}`;
}

/** A running program and its output so far. */
export class Run {
  readonly status: Promise<number | null>;
  output = '';
  errors = '';
  private readonly child: ChildProcess;
  private read = 0;

  constructor([program = '', ...words]: string[], environment: Record<string, string>) {
    const env = { ...process.env, ...environment };
    this.child = spawn(program, words, { cwd: root, env, detached: true });
    this.child.stdout?.on('data', (chunk) => {
      this.output += chunk;
    });
    this.child.stderr?.on('data', (chunk) => {
      this.errors += chunk;
    });
    this.status = new Promise((resolve) => this.child.once('close', resolve));
  }

  /** Resolves with the match when the output after the previous match matches. */
  says(what: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = what.exec(this.output.slice(this.read));
        if (found === null) return;
        this.read += found.index + found[0].length;
        this.child.stdout?.off('data', look);
        resolve(found);
      };
      this.child.stdout?.on('data', look);
      this.child.once('close', () => reject(new Error(`never said ${what}, but ${this.output}${this.errors}`)));
      look();
    });
  }

  writes(line: string): void {
    this.child.stdin?.write(`${line}\n`);
  }

  /** Ctrl-D. */
  hangUp(): void {
    this.child.stdin?.end();
  }

  /** Sends a signal to the program alone. */
  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Sends a signal to every process of the group, like Ctrl-C. */
  killAll(signal: NodeJS.Signals = 'SIGKILL'): void {
    try {
      process.kill(-this.child.pid!, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // The process has ended.
    }
  }
}

/** The commands in the README of an example. */
export function commandsOf(example: string): string[] {
  return shellLines(readFileSync(join(root, 'examples', example, 'README.md'), 'utf8'));
}
