import { type ChildProcessWithoutNullStreams, execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';

const root = join(__dirname, '../../..');

/** True if Java programs can be tested. */
export const hasJdk = ['javac', 'java'].every((name) => !spawnSync(name, ['-version']).error);

/** Paho's clients in the local Maven repository: `mvn -f clients/java/pom.xml package` installs them. */
export const pahoJars = ['org.eclipse.paho.client.mqttv3', 'org.eclipse.paho.mqttv5.client']
  .map((name) => join(homedir(), '.m2/repository/org/eclipse/paho', name, '1.2.5', `${name}-1.2.5.jar`))
  .filter(existsSync);

export const hasPaho = hasJdk && pahoJars.length === 2;

/** The files below a folder of the project with this ending. */
export function filesBelow(folder: string, ending = '.java'): string[] {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith(ending)).map((name) => join(folder, name));
}

/** A folder of classes, compiled for Java 11 with every warning an error. */
export class JavaClasses {
  readonly folder = mkdtempSync(join(tmpdir(), 'cirrus-'));
  private readonly classPath: string;

  constructor(sources: readonly string[], jars: readonly string[] = []) {
    this.classPath = [this.folder, ...jars].join(delimiter);
    const quick = quickStart.map((option) => `-J${option}`);
    const options = [...quick, '-Xlint:all,-serial', '-Werror', '--release', '11', '-encoding', 'UTF-8'];
    const paths = sources.map((source) => join(root, source));
    execFileSync('javac', [...options, '-cp', this.classPath, '-d', this.folder, ...paths], { stdio: 'pipe' });
    cpSync(join(root, 'clients/java/src/main/resources'), this.folder, { recursive: true });
  }

  /** Starts a class; preceding arguments that begin with `-` are options of the virtual machine. */
  start(...words: string[]): ChildProcessWithoutNullStreams {
    return spawn('java', [...quickStart, '-cp', this.classPath, ...words]);
  }

  /** The output of a class for an input. */
  run(name: string, input: string): string {
    const options = { input, encoding: 'utf8', maxBuffer: 2 ** 26 } as const;
    return execFileSync('java', [...quickStart, '-cp', this.classPath, name], options);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}

const quickStart = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto', '-Dfile.encoding=UTF-8'];

/** A printed line of a peer, split into words. */
export type PeerEvent = readonly string[];

/** A client of Paho in its own process. */
export class JavaPeer {
  private readonly unread: PeerEvent[] = [];
  private complaints = '';
  private wake = () => {};
  private over = false;

  constructor(private readonly program: ChildProcessWithoutNullStreams) {
    createInterface({ input: program.stdout }).on('line', (line) => {
      this.unread.push(line.split(' '));
      this.wake();
    });
    program.stderr.on('data', (chunk) => {
      this.complaints += chunk;
    });
    program.once('close', () => {
      this.over = true;
      this.wake();
    });
  }

  /** The arguments of the next event with this name; other events stay in the queue. */
  async next(event: string): Promise<PeerEvent> {
    for (;;) {
      const index = this.unread.findIndex(([name]) => name === event);
      if (index >= 0) return this.unread.splice(index, 1)[0]!.slice(1);
      if (this.over) throw new Error(`the peer ended before "${event}": ${this.complaints}`);
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  /** The payloads of the next messages. */
  async payloads(count: number): Promise<string[]> {
    const payloads: string[] = [];
    while (payloads.length < count) payloads.push(String(Buffer.from((await this.next('message'))[2]!, 'base64')));
    return payloads;
  }

  async subscribe(topic: string, qos: 0 | 1 | 2): Promise<void> {
    this.tell('subscribe', topic, qos);
    await this.next('subscribed');
  }

  publish(topic: string, payload: string, qos: 0 | 1 | 2, retain = false): void {
    this.tell('publish', topic, qos, retain, Buffer.from(payload).toString('base64'));
  }

  async disconnect(): Promise<void> {
    this.tell('disconnect');
    await this.next('disconnected');
  }

  /** Kills the process without DISCONNECT. */
  async kill(): Promise<void> {
    if (this.over) return;
    const ended = new Promise((resolve) => this.program.once('close', resolve));
    this.program.kill('SIGKILL');
    await ended;
  }

  private tell(...words: (string | number | boolean)[]): void {
    this.program.stdin.write(`${words.join(' ')}\n`);
  }
}
