import { type Login, ProbeClient, type SessionOptions } from './probe-client';
import type { ProbeAddress } from './probe-socket';

/** Options of a run of the doctor. */
export interface DoctorOptions {
  readonly address: Omit<ProbeAddress, 'reportViolation'>;
  readonly login: Login;
  /** Prefix of the client ids. */
  readonly id: string;
  /** Prefix of the topics. */
  readonly topic: string;
  /** Seconds without a packet in the step `idle`; 0 skips the step. */
  readonly idleSeconds: number;
  /** Ends the step `idle` early. */
  readonly interrupted: AbortSignal;
}

/** State that the steps of a run share: a connection, found violations, and cleanups. */
export class StepContext {
  readonly address: ProbeAddress;
  /** Violations of the wire format by frames of the server, each once. */
  readonly violations = new Set<string>();
  private sharedClient: ProbeClient | undefined;
  private readonly cleanups: (() => Promise<void>)[] = [];

  constructor(readonly options: DoctorOptions) {
    this.address = { ...options.address, reportViolation: (violation) => this.violations.add(violation) };
  }

  get url(): URL {
    return new URL(this.address.url);
  }

  /** Returns a topic below `--topic` that no other run uses. */
  topic(name: string): string {
    return `${this.options.topic}/${this.options.id}/${name}`;
  }

  /** Returns the shared connection of most steps, or a new one if it was lost. Its session ends with the connection. */
  async client(): Promise<ProbeClient> {
    if (!this.sharedClient?.socket.isOpen) this.sharedClient = await this.connect('1');
    return this.sharedClient;
  }

  /** Opens a new connection with its own client id. */
  connect(name: string, session?: SessionOptions): Promise<ProbeClient> {
    return ProbeClient.connect(this.address, `${this.options.id}-${name}`, { ...this.options.login, session });
  }

  /** Adds a cleanup for the end of the run, also after a failure. Cleanups run in reverse order. */
  addCleanup(cleanup: () => Promise<void>): void {
    this.cleanups.unshift(cleanup);
  }

  /** Runs all cleanups and closes the shared connection. Returns the messages of failed cleanups. */
  async cleanUp(): Promise<string[]> {
    const failures: string[] = [];
    for (const cleanup of this.cleanups.splice(0)) {
      await cleanup().catch((error: Error) => failures.push(error.message));
    }
    await this.sharedClient?.socket.disconnect();
    return failures;
  }
}
