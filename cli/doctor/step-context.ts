import { type Login, ProbeClient } from './probe-client';
import type { Address } from './probe-socket';

/** What to examine, and how long. */
export interface Patient {
  readonly address: Omit<Address, 'breach'>;
  readonly login: Login;
  /** Beginning of the client ids, and of the topics. */
  readonly id: string;
  readonly topic: string;
  /** Seconds without a packet. */
  readonly idleSeconds: number;
  /** Ends the silence early. */
  readonly interrupted: AbortSignal;
}

/** An examination under way: its connection, and what it has to clean up. */
export class Examination {
  readonly address: Address;
  /** What frames of the server had that the wire format forbids, each once. */
  readonly breaches = new Set<string>();
  private kept: ProbeClient | undefined;
  private readonly cleanups: (() => Promise<void>)[] = [];

  constructor(readonly patient: Patient) {
    this.address = { ...patient.address, breach: (what) => this.breaches.add(what) };
  }

  get url(): URL {
    return new URL(this.address.url);
  }

  topic(name: string): string {
    return `${this.patient.topic}/${this.patient.id}/${name}`;
  }

  /** The connection of most steps; a new one if it was lost. Its session ends with it. */
  async client(): Promise<ProbeClient> {
    if (!this.kept?.socket.isOpen) this.kept = await this.connect('1');
    return this.kept;
  }

  connect(name: string, session?: { clean: boolean; expiry: number }): Promise<ProbeClient> {
    return ProbeClient.connect(this.address, this.patient.login, `${this.patient.id}-${name}`, session);
  }

  /** To be done in the end, whatever happens before; last first. */
  afterwards(cleanup: () => Promise<void>): void {
    this.cleanups.unshift(cleanup);
  }

  /** Leaves nothing behind. Returns what could not be removed, in words. */
  async end(): Promise<string[]> {
    const failures: string[] = [];
    for (const cleanup of this.cleanups.splice(0)) {
      await cleanup().catch((error: Error) => failures.push(error.message));
    }
    await this.kept?.socket.leave();
    return failures;
  }
}
