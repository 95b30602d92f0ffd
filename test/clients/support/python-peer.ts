import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const root = join(__dirname, '../../..');
const environment = {
  ...process.env,
  PYTHONPATH: join(root, 'clients/python/src'),
  PYTHONDONTWRITEBYTECODE: '1',
};

/** The first Python with paho-mqtt: that in `PYTHON`, or the system's. */
export const python = [process.env.PYTHON, 'python3', '/usr/bin/python3'].find(
  (program) => program && spawnSync(program, ['-c', 'import paho.mqtt']).status === 0,
);

/** Runs a test file with Python's `unittest`; returns its exit status and output. */
export function runUnittest(file: string) {
  const { status, stderr } = spawnSync(python!, ['-W', 'error::ResourceWarning', join(root, file)], {
    env: environment,
    encoding: 'utf8',
  });
  return { status, said: stderr };
}

/** A program for paho-mqtt 2, reduced to the names that an older installed version has. */
export function forInstalledPaho(program: string): string {
  const isOld = spawnSync(python!, ['-c', 'import paho.mqtt.enums']).status !== 0;
  return isOld ? program.replace(/^from paho.mqtt.enums .*\n/m, '').replace(/CallbackAPIVersion\.\w+, /, '') : program;
}

/** Runs a program until its output matches; returns the match. */
export function runUntilSaid(program: string, what: RegExp): Promise<string> {
  const child = spawn(python!, ['-u', '-c', program], { env: environment });
  return new Promise((resolve, reject) => {
    let said = '';
    let complaints = '';
    child.stderr.on('data', (chunk) => {
      complaints += chunk;
    });
    child.stdout.on('data', (chunk) => {
      said += chunk;
      if (!what.test(said)) return;
      child.kill('SIGKILL');
      resolve(said);
    });
    child.once('close', () => reject(new Error(`it ended, complaining ${complaints}`)));
  });
}

export interface PeerOptions {
  readonly url: string;
  readonly clientId: string;
  readonly clean?: boolean;
  readonly version?: 4 | 5;
  readonly username?: string;
  readonly password?: string;
  /** Tokens, one for each handshake. */
  readonly tokens?: readonly string[];
  readonly will?: { topic: string; payload: string; qos: 0 | 1 | 2 };
}

export interface PeerMessage {
  readonly topic: string;
  readonly payload: string;
  readonly qos: 0 | 1 | 2;
  readonly retain?: boolean;
}

export interface PeerEvent {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** A paho-mqtt client in its own process. */
export class PythonPeer {
  private readonly child: ChildProcess;
  private readonly unread: PeerEvent[] = [];
  private complaints = '';
  private wake = () => {};
  private over = false;

  constructor(options: PeerOptions, variables: NodeJS.ProcessEnv = {}) {
    const args = [join(root, 'test/clients/python/peer.py'), JSON.stringify(options)];
    this.child = spawn(python!, args, { env: { ...environment, ...variables } });
    createInterface({ input: this.child.stdout! }).on('line', (line) => {
      this.unread.push(JSON.parse(line));
      this.wake();
    });
    this.child.stderr!.on('data', (chunk) => {
      this.complaints += chunk;
    });
    this.child.once('close', () => {
      this.over = true;
      this.wake();
    });
  }

  /** The next event of this name; other events stay in the queue. */
  async next(event: string): Promise<PeerEvent> {
    for (;;) {
      const index = this.unread.findIndex((each) => each.event === event);
      if (index >= 0) return this.unread.splice(index, 1)[0]!;
      if (this.over) throw new Error(`the peer ended before "${event}": ${this.complaints}`);
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  /** The payloads of the next messages. */
  async payloads(count: number): Promise<unknown[]> {
    const payloads: unknown[] = [];
    while (payloads.length < count) payloads.push((await this.next('message')).payload);
    return payloads;
  }

  async subscribe(topic: string, qos: 0 | 1 | 2): Promise<void> {
    this.tell({ do: 'subscribe', topic, qos });
    await this.next('subscribed');
  }

  /** Publishes all messages in one turn. */
  publish(...messages: PeerMessage[]): void {
    this.tell({ do: 'publish', messages });
  }

  disconnect(): void {
    this.tell({ do: 'disconnect' });
  }

  /** Kills the process without DISCONNECT. */
  async kill(): Promise<void> {
    if (this.over) return;
    const ended = new Promise((resolve) => this.child.once('close', resolve));
    this.child.kill('SIGKILL');
    await ended;
  }

  private tell(command: object): void {
    this.child.stdin!.write(`${JSON.stringify(command)}\n`);
  }
}
